mr_fuzz(cluster_envelope SRCS cluster_envelope_fuzz.cc DEPS cluster)
