mr_fuzz(cluster_envelope SRCS cluster_envelope_fuzz.cc DEPS cluster)
mr_fuzz(cluster_records SRCS cluster_records_fuzz.cc DEPS cluster)
mr_fuzz(cluster_redis_reply SRCS cluster_redis_reply_fuzz.cc DEPS cluster_redis)
mr_fuzz(cluster_kv_answer SRCS cluster_kv_answer_fuzz.cc DEPS cluster_nats)
