// SPDX-License-Identifier: Apache-2.0
//! librabbitmq (C) against a server: one line a test, `ok `, `FAILED ` or `SKIPPED `.

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_S = 20, CHANNEL = 1, NAME_SIZE = 128 };

static char failure[512];

#define CHECK(condition, ...)                              \
  do {                                                     \
    if (!(condition)) {                                    \
      snprintf(failure, sizeof failure, __VA_ARGS__);      \
      return 0;                                            \
    }                                                      \
  } while (0)

static const struct timeval timeout = {TIMEOUT_S, 0};

static amqp_connection_state_t connect_as(const char *password) {
  char uri[512];
  struct amqp_connection_info info;
  snprintf(uri, sizeof uri, "%s", getenv("FANTAIL_INTEROP_URI"));
  if (amqp_parse_url(uri, &info) != AMQP_STATUS_OK) return NULL;
  amqp_connection_state_t connection = amqp_new_connection();
  amqp_socket_t *socket = amqp_tcp_socket_new(connection);
  if (amqp_socket_open(socket, info.host, info.port) != AMQP_STATUS_OK) return NULL;
  amqp_rpc_reply_t reply = amqp_login(connection, info.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user,
                                      password ? password : info.password);
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
    amqp_destroy_connection(connection);
    return NULL;
  }
  amqp_channel_open(connection, CHANNEL);
  amqp_set_rpc_timeout(connection, &timeout);
  return connection;
}

static int is_normal(amqp_connection_state_t c) {
  return amqp_get_rpc_reply(c).reply_type == AMQP_RESPONSE_NORMAL;
}

/// A distinct name; valid until the program ends.
static const char *name_of(const char *suffix) {
  static char names[256][NAME_SIZE];
  static int next;
  char *name = names[next % 256];
  snprintf(name, NAME_SIZE, "t.c.%d.%ld.%d.%s", (int)getpid(), (long)time(NULL), next++, suffix);
  return name;
}

/// Table entries from (key, kind, value) triples ended by NULL; kind 's' is const char *, 'i' is int.
static amqp_table_t table_of(amqp_table_entry_t *entries, ...) {
  amqp_table_t table = {0, entries};
  va_list list;
  va_start(list, entries);
  for (const char *key; (key = va_arg(list, const char *));) {
    amqp_table_entry_t *entry = &entries[table.num_entries++];
    entry->key = amqp_cstring_bytes(key);
    if (va_arg(list, int) == 's') {
      entry->value.kind = AMQP_FIELD_KIND_UTF8;
      entry->value.value.bytes = amqp_cstring_bytes(va_arg(list, const char *));
    } else {
      entry->value.kind = AMQP_FIELD_KIND_I32;
      entry->value.value.i32 = va_arg(list, int);
    }
  }
  va_end(list);
  return table;
}

static const char *declare(amqp_connection_state_t c, const char *suffix, amqp_table_t arguments) {
  const char *name = name_of(suffix);
  return amqp_queue_declare(c, CHANNEL, amqp_cstring_bytes(name), 0, 1, 0, 0, arguments) ? name : NULL;
}

static void drop(amqp_connection_state_t c, const char *queue) {
  amqp_queue_delete(c, CHANNEL, amqp_cstring_bytes(queue), 0, 0);
}

static int send_message(amqp_connection_state_t c, const char *exchange, const char *key, amqp_bytes_t body,
                        const amqp_basic_properties_t *properties, int mandatory) {
  return amqp_basic_publish(c, CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), mandatory, 0, properties,
                            body) == AMQP_STATUS_OK;
}

static int send_text(amqp_connection_state_t c, const char *queue, const char *text) {
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
  return send_message(c, "", queue, amqp_cstring_bytes(text), &properties, 0);
}

/// basic.get, polled until a message is there; `message` must be destroyed. Answers the delivery tag or 0.
static uint64_t get(amqp_connection_state_t c, const char *queue, int no_ack, amqp_message_t *message, int *redelivered) {
  for (time_t end = time(NULL) + TIMEOUT_S; time(NULL) < end; usleep(5000)) {
    amqp_maybe_release_buffers(c);
    amqp_rpc_reply_t reply = amqp_basic_get(c, CHANNEL, amqp_cstring_bytes(queue), no_ack);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) return 0;
    if (reply.reply.id != AMQP_BASIC_GET_OK_METHOD) continue;
    amqp_basic_get_ok_t *ok = reply.reply.decoded;
    uint64_t tag = ok->delivery_tag;
    if (redelivered) *redelivered = ok->redelivered;
    return amqp_read_message(c, CHANNEL, message, 0).reply_type == AMQP_RESPONSE_NORMAL ? tag : 0;
  }
  return 0;
}

static int got_text(amqp_connection_state_t c, const char *queue, const char *wanted) {
  amqp_message_t message;
  if (!get(c, queue, 1, &message, NULL)) return 0;
  int same = message.body.len == strlen(wanted) && memcmp(message.body.bytes, wanted, message.body.len) == 0;
  amqp_destroy_message(&message);
  return same;
}

/// The next method on the channel, which must be `id`; content that comes with it is left unread.
static int next_method(amqp_connection_state_t c, amqp_method_number_t id, amqp_frame_t *frame) {
  struct timeval wait = timeout;
  do {
    if (amqp_simple_wait_frame_noblock(c, frame, &wait) != AMQP_STATUS_OK) return 0;
  } while (frame->frame_type != AMQP_FRAME_METHOD);
  return frame->payload.method.id == id;
}

static int closed_with(amqp_connection_state_t c, int code) {
  amqp_rpc_reply_t reply = amqp_get_rpc_reply(c);
  if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD) return 0;
  amqp_channel_close_t *close = reply.reply.decoded;
  return close->reply_code == code;
}

static int test_wrong_password_is_refused(amqp_connection_state_t c) {
  (void)c;
  CHECK(connect_as("wrong") == NULL, "connected with a wrong password");
  return 1;
}

static int test_declare_tells_counts_and_names_queues(amqp_connection_state_t c) {
  const char *queue = declare(c, "q", amqp_empty_table);
  CHECK(queue && send_text(c, queue, "1") && send_text(c, queue, "2"), "declare or publish failed");
  amqp_queue_declare_ok_t *ok;
  time_t end = time(NULL) + TIMEOUT_S;
  do {
    amqp_maybe_release_buffers(c);
    ok = amqp_queue_declare(c, CHANNEL, amqp_cstring_bytes(queue), 1, 0, 0, 0, amqp_empty_table);
  } while (ok && ok->message_count != 2 && time(NULL) < end);
  CHECK(ok && ok->message_count == 2, "message count is not 2");
  ok = amqp_queue_declare(c, CHANNEL, amqp_empty_bytes, 0, 0, 1, 0, amqp_empty_table);
  CHECK(ok && (ok->queue.len > 8 && memcmp(ok->queue.bytes, "amq.gen-", 8) == 0), "server-named queue");
  drop(c, queue);
  return 1;
}

static int routes(amqp_connection_state_t c, const char *type, const char *binding, const char *key, amqp_table_t arguments,
                  amqp_table_t headers) {
  const char *exchange = name_of(type), *queue = declare(c, "q", amqp_empty_table);
  amqp_exchange_declare(c, CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes(type), 0, 0, 0, 0, amqp_empty_table);
  amqp_queue_bind(c, CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange), amqp_cstring_bytes(binding), arguments);
  CHECK(is_normal(c), "%s: declare or bind failed", type);
  amqp_basic_properties_t properties = {._flags = AMQP_BASIC_HEADERS_FLAG, .headers = headers};
  CHECK(send_message(c, exchange, key, amqp_cstring_bytes(type), &properties, 0), "publish failed");
  CHECK(got_text(c, queue, type), "%s did not route", type);
  amqp_exchange_delete(c, CHANNEL, amqp_cstring_bytes(exchange), 0);
  drop(c, queue);
  return 1;
}

static int test_all_exchange_types_route(amqp_connection_state_t c) {
  amqp_table_entry_t arguments[2], headers[1];
  amqp_table_t match = table_of(arguments, "x-match", 's', "all", "h", 'i', 7, NULL);
  amqp_table_t sent = table_of(headers, "h", 'i', 7, NULL);
  return routes(c, "direct", "k", "k", amqp_empty_table, amqp_empty_table) &&
         routes(c, "fanout", "", "any", amqp_empty_table, amqp_empty_table) &&
         routes(c, "topic", "a.#", "a.b.c", amqp_empty_table, amqp_empty_table) &&
         routes(c, "headers", "", "", match, sent) &&
         routes(c, "x-consistent-hash", "1", "any", amqp_empty_table, amqp_empty_table);
}

static int test_exchange_bound_to_exchange_routes(amqp_connection_state_t c) {
  const char *from = name_of("from"), *to = name_of("to"), *queue = declare(c, "q", amqp_empty_table);
  amqp_bytes_t fanout = amqp_cstring_bytes("fanout");
  amqp_exchange_declare(c, CHANNEL, amqp_cstring_bytes(from), fanout, 0, 0, 1, 0, amqp_empty_table);
  amqp_exchange_declare(c, CHANNEL, amqp_cstring_bytes(to), fanout, 0, 0, 1, 0, amqp_empty_table);
  amqp_exchange_bind(c, CHANNEL, amqp_cstring_bytes(to), amqp_cstring_bytes(from), amqp_empty_bytes, amqp_empty_table);
  amqp_queue_bind(c, CHANNEL, amqp_cstring_bytes(queue), amqp_cstring_bytes(to), amqp_empty_bytes, amqp_empty_table);
  CHECK(send_message(c, from, "", amqp_cstring_bytes("x"), NULL, 0) && got_text(c, queue, "x"), "did not route");
  drop(c, queue);
  return 1;
}

static int test_confirms_cover_every_publish(amqp_connection_state_t c) {
  const char *queue = declare(c, "q", amqp_empty_table);
  amqp_confirm_select(c, CHANNEL);
  char body[16];
  for (int number = 0; number < 500; ++number) {
    snprintf(body, sizeof body, "%d", number);
    CHECK(send_text(c, queue, body), "publish failed");
  }
  for (uint64_t confirmed = 0; confirmed < 500;) {
    amqp_frame_t frame;
    CHECK(next_method(c, AMQP_BASIC_ACK_METHOD, &frame), "no ack after %d", (int)confirmed);
    amqp_basic_ack_t *ack = frame.payload.method.decoded;
    confirmed = ack->multiple ? ack->delivery_tag : confirmed + 1;
  }
  drop(c, queue);
  return 1;
}

static int test_mandatory_unroutable_is_returned_before_its_ack(amqp_connection_state_t c) {
  amqp_confirm_select(c, CHANNEL);
  CHECK(send_message(c, "", name_of("nowhere"), amqp_cstring_bytes("lost"), NULL, 1), "publish failed");
  amqp_frame_t frame;
  CHECK(next_method(c, AMQP_BASIC_RETURN_METHOD, &frame), "no return");
  CHECK(((amqp_basic_return_t *)frame.payload.method.decoded)->reply_code == 312, "reply code is not 312");
  amqp_message_t message;
  CHECK(amqp_read_message(c, CHANNEL, &message, 0).reply_type == AMQP_RESPONSE_NORMAL, "no content");
  amqp_destroy_message(&message);
  CHECK(next_method(c, AMQP_BASIC_ACK_METHOD, &frame), "no ack after the return");
  return 1;
}

static int test_nack_requeues_and_reject_dead_letters(amqp_connection_state_t c) {
  amqp_table_entry_t entries[2];
  const char *dead = declare(c, "dead", amqp_empty_table);
  const char *queue = declare(c, "q", table_of(entries, "x-dead-letter-exchange", 's', "", "x-dead-letter-routing-key", 's', dead, NULL));
  amqp_message_t message;
  int redelivered = 1;
  CHECK(queue && send_text(c, queue, "x"), "publish failed");
  uint64_t tag = get(c, queue, 0, &message, &redelivered);
  CHECK(tag && !redelivered, "first delivery");
  amqp_destroy_message(&message);
  amqp_basic_nack(c, CHANNEL, tag, 0, 1);
  tag = get(c, queue, 0, &message, &redelivered);
  CHECK(tag && redelivered, "second delivery is not flagged");
  amqp_destroy_message(&message);
  amqp_basic_reject(c, CHANNEL, tag, 0);
  CHECK(get(c, dead, 1, &message, NULL), "no dead letter");
  const amqp_table_t *headers = &message.properties.headers;
  int found = 0;
  for (int at = 0; at < headers->num_entries; ++at)
    found |= headers->entries[at].key.len == 7 && memcmp(headers->entries[at].key.bytes, "x-death", 7) == 0 &&
             headers->entries[at].value.kind == AMQP_FIELD_KIND_ARRAY;
  amqp_destroy_message(&message);
  CHECK(found, "no x-death array");
  drop(c, queue);
  drop(c, dead);
  return 1;
}

static int test_ttl_expires_into_the_dead_letter_queue(amqp_connection_state_t c) {
  amqp_table_entry_t entries[3];
  const char *dead = declare(c, "dead", amqp_empty_table);
  const char *queue = declare(c, "q", table_of(entries, "x-dead-letter-exchange", 's', "", "x-dead-letter-routing-key", 's', dead,
                                               "x-message-ttl", 'i', 100, NULL));
  CHECK(queue && send_text(c, queue, "x") && got_text(c, dead, "x"), "did not expire");
  drop(c, queue);
  drop(c, dead);
  return 1;
}

static int test_priorities(amqp_connection_state_t c) {
  amqp_table_entry_t entries[1];
  const char *queue = declare(c, "q", table_of(entries, "x-max-priority", 'i', 9, NULL)), *bodies[] = {"1", "9", "5"};
  for (int at = 0; at < 3; ++at) {
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_PRIORITY_FLAG, .priority = (uint8_t)atoi(bodies[at])};
    CHECK(send_message(c, "", queue, amqp_cstring_bytes(bodies[at]), &properties, 0), "publish failed");
  }
  CHECK(got_text(c, queue, "9") && got_text(c, queue, "5") && got_text(c, queue, "1"), "wrong order");
  drop(c, queue);
  return 1;
}

static int test_transactions(amqp_connection_state_t c) {
  const char *queue = declare(c, "q", amqp_empty_table);
  amqp_tx_select(c, CHANNEL);
  CHECK(send_text(c, queue, "forgotten"), "publish failed");
  amqp_tx_rollback(c, CHANNEL);
  CHECK(send_text(c, queue, "kept"), "publish failed");
  amqp_tx_commit(c, CHANNEL);
  CHECK(is_normal(c) && got_text(c, queue, "kept"), "commit");
  drop(c, queue);
  return 1;
}

static int test_prefetch_and_order(amqp_connection_state_t c) {
  const char *queue = declare(c, "q", amqp_empty_table);
  char body[16];
  for (int number = 0; number < 100; ++number) {
    snprintf(body, sizeof body, "%d", number);
    CHECK(send_text(c, queue, body), "publish failed");
  }
  amqp_basic_qos(c, CHANNEL, 0, 10, 0);
  amqp_basic_consume(c, CHANNEL, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  for (int number = 0; number < 100; ++number) {
    amqp_envelope_t envelope;
    struct timeval short_wait = {0, 300000};
    amqp_maybe_release_buffers(c);
    CHECK(amqp_consume_message(c, &envelope, &timeout, 0).reply_type == AMQP_RESPONSE_NORMAL, "delivery %d", number);
    snprintf(body, sizeof body, "%d", number);
    int same = envelope.message.body.len == strlen(body) && memcmp(envelope.message.body.bytes, body, strlen(body)) == 0;
    uint64_t tag = envelope.delivery_tag;
    amqp_destroy_envelope(&envelope);
    CHECK(same, "wrong message at %d", number);
    if (number == 9) CHECK(amqp_consume_message(c, &envelope, &short_wait, 0).reply_type != AMQP_RESPONSE_NORMAL, "prefetch exceeded");
    if (number % 10 == 9) CHECK(amqp_basic_ack(c, CHANNEL, tag, 1) == 0, "ack failed");
  }
  drop(c, queue);
  return 1;
}

static int test_ten_mebibytes_come_back(amqp_connection_state_t c) {
  const char *queue = declare(c, "q", amqp_empty_table);
  size_t size = 10u << 20;
  unsigned char *body = malloc(size);
  for (size_t at = 0; at < size; ++at) body[at] = (unsigned char)(at * 2654435761u >> 13);
  amqp_message_t message;
  int sent = send_message(c, "", queue, (amqp_bytes_t){size, body}, NULL, 0);
  int same = sent && get(c, queue, 1, &message, NULL) && message.body.len == size && memcmp(message.body.bytes, body, size) == 0;
  free(body);
  CHECK(same, "the body differs");
  amqp_destroy_message(&message);
  drop(c, queue);
  return 1;
}

static int test_missing_queue_is_404_and_mismatch_406(amqp_connection_state_t c) {
  const char *queue = declare(c, "q", amqp_empty_table);
  amqp_queue_declare(c, CHANNEL, amqp_cstring_bytes(name_of("missing")), 1, 0, 0, 0, amqp_empty_table);
  CHECK(closed_with(c, 404), "no 404");
  amqp_channel_close_ok_t close_ok = {0};
  amqp_send_method(c, CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
  amqp_channel_open(c, CHANNEL + 1);
  amqp_queue_declare(c, CHANNEL + 1, amqp_cstring_bytes(queue), 0, 0, 0, 0, amqp_empty_table);
  CHECK(closed_with(c, 406), "no 406");
  amqp_send_method(c, CHANNEL + 1, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
  amqp_channel_open(c, CHANNEL);
  drop(c, queue);
  return is_normal(c);
}

/// Runs `$FANTAIL_INTEROP_CONTROL kill-restart`.
static int restart_server(void) {
  char command[1024];
  snprintf(command, sizeof command, "%s kill-restart", getenv("FANTAIL_INTEROP_CONTROL"));
  return system(command) == 0;
}

static int test_messages_survive_kill_9(amqp_connection_state_t c) {
  const char *queue = declare(c, "q", amqp_empty_table);
  amqp_confirm_select(c, CHANNEL);
  amqp_frame_t frame;
  CHECK(send_text(c, queue, "durable") && next_method(c, AMQP_BASIC_ACK_METHOD, &frame), "no confirm");
  CHECK(restart_server(), "restart failed");
  struct timeval wait = timeout;
  CHECK(amqp_simple_wait_frame_noblock(c, &frame, &wait) != AMQP_STATUS_OK, "the connection did not break");
  amqp_connection_state_t again = connect_as(NULL);
  CHECK(again && got_text(again, queue, "durable"), "the message is gone");
  drop(again, queue);
  amqp_destroy_connection(again);
  return 1;
}

struct test {
  const char *name;
  int (*run)(amqp_connection_state_t);
  int restarts;
};

#define TEST(function) {#function, function, 0}

static const struct test tests[] = {
    TEST(test_wrong_password_is_refused),
    TEST(test_declare_tells_counts_and_names_queues),
    TEST(test_all_exchange_types_route),
    TEST(test_exchange_bound_to_exchange_routes),
    TEST(test_confirms_cover_every_publish),
    TEST(test_mandatory_unroutable_is_returned_before_its_ack),
    TEST(test_nack_requeues_and_reject_dead_letters),
    TEST(test_ttl_expires_into_the_dead_letter_queue),
    TEST(test_priorities),
    TEST(test_transactions),
    TEST(test_prefetch_and_order),
    TEST(test_ten_mebibytes_come_back),
    TEST(test_missing_queue_is_404_and_mismatch_406),
    {"test_messages_survive_kill_9", test_messages_survive_kill_9, 1},
};

int main(void) {
  int failed = 0;
  const char *control = getenv("FANTAIL_INTEROP_CONTROL");
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t at = 0; at < sizeof tests / sizeof *tests; ++at) {
    if (tests[at].restarts && !(control && *control)) {
      printf("SKIPPED %s: the runner did not start the server, so it cannot restart it\n", tests[at].name);
      continue;
    }
    snprintf(failure, sizeof failure, "no reason given");
    amqp_connection_state_t connection = connect_as(NULL);
    int ok = connection && tests[at].run(connection);
    printf(ok ? "ok %s\n" : "FAILED %s: %s\n", tests[at].name, connection ? failure : "could not connect");
    failed += !ok;
    if (connection) amqp_destroy_connection(connection);
  }
  return failed != 0;
}
