mr_fuzz(fossil_decode SRCS fossil_decode_fuzz.cc DEPS delta)
mr_fuzz(vcdiff_decode SRCS vcdiff_decode_fuzz.cc DEPS delta)
mr_fuzz(delta_round_trip SRCS delta_round_trip_fuzz.cc DEPS delta)
mr_fuzz(delta_place SRCS delta_place_fuzz.cc DEPS delta json)
