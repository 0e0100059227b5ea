mr_fuzz(pusher_decode SRCS pusher_decode_fuzz.cc DEPS pusher)
mr_fuzz(pusher_user SRCS pusher_user_fuzz.cc DEPS pusher)
