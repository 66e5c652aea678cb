/* SPDX-License-Identifier: Apache-2.0 */
/*! libfantail for C and for languages that call C: the same sockets as fantail.hpp, which says more of each. C99. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------ outcomes */

/*! How a call ended. Nothing is thrown. */
typedef enum fantail_status {
    FANTAIL_OK = 0,
    FANTAIL_WOULD_BLOCK = 1,      /*!< nothing to receive or no room to send, and the time-out was 0 */
    FANTAIL_TIMED_OUT = 2,        /*!< the time-out has passed */
    FANTAIL_CLOSED = 3,           /*!< the socket is closed */
    FANTAIL_WRONG_STATE = 4,      /*!< a request before its reply, a reply without a request */
    FANTAIL_NO_ROUTE = 5,         /*!< no peer of that routing id */
    FANTAIL_PEER_GONE = 6,        /*!< the peer that was asked has gone; ask again */
    FANTAIL_INVALID_ARGUMENT = 7, /*!< a malformed address, option or message, or a call that the pattern does not have */
    FANTAIL_ADDRESS_IN_USE = 8,   /*!< somebody else listens there */
    FANTAIL_UNREACHABLE = 9,      /*!< no such name, no permission, no such interface */
    FANTAIL_EXHAUSTED = 10,       /*!< descriptors, memory or the disk have run out */
    FANTAIL_SYSTEM = 11,          /*!< the kernel reported something else */
    FANTAIL_JOURNAL_FAILED = 12   /*!< a lane's journal on disk cannot be opened or takes nothing any more */
} fantail_status;

/*! A sentence about this thread's last call that did not answer FANTAIL_OK; until its next such call. Never NULL. */
const char *fantail_error_text(void);

/*! Time-outs are milliseconds. 0: do not wait. */
#define FANTAIL_FOREVER ((int64_t)-1)
/*! As the socket's options say: send_timeout, receive_timeout. */
#define FANTAIL_AS_OPTIONS_SAY ((int64_t)-2)

/* ------------------------------------------------------------------------------------------------------------- options */

/*! Settings for sockets that are made with them. One thread at a time. */
typedef struct fantail_options fantail_options;

/*! All defaults. To be freed with fantail_options_free(). */
fantail_options *fantail_options_new(void);
void fantail_options_free(fantail_options *options);
/*! \param name as in options.hpp, with dots: `send_high_water`, `reconnect.delay_max`, `lane.window`
 *  \param value a count, bytes, milliseconds (of send_timeout and receive_timeout also FANTAIL_FOREVER), or 0 and 1; of
 *  `lane.journal` 0 (memory), 1 (os) or 2 (disk). FANTAIL_INVALID_ARGUMENT: no such name,
 *  or it is out of the field's range. */
fantail_status fantail_options_set(fantail_options *options, const char *name, int64_t value);
/*! \param name `routing_id`, `publisher.welcome` or `lane.journal_directory` */
fantail_status fantail_options_set_bytes(fantail_options *options, const char *name, const void *bytes, size_t size);
/*! PLAIN, in clear text: the side that logs in. */
fantail_status fantail_options_plain_client(fantail_options *options, const char *user, const char *password);
/*! PLAIN: the side that lets in, if `admit` answers other than 0. It is called on any thread, and must not use the socket. */
fantail_status fantail_options_plain_server(fantail_options *options,
                                            int (*admit)(void *hint, const char *user, const char *password), void *hint);
/*! CURVE: the client's side. \param server the server's open key \param secret one's own secret one; 32 bytes each */
fantail_status fantail_options_curve_client(fantail_options *options, const uint8_t *server, const uint8_t *secret);
/*! CURVE: the server's side. \param secret 32 bytes \param admit as above, of the client's open key (32 bytes); NULL: lets in everybody */
fantail_status fantail_options_curve_server(fantail_options *options, const uint8_t *secret,
                                            int (*admit)(void *hint, const uint8_t *client), void *hint);
/*! New keys. \param open, secret 32 bytes each are written */
void fantail_make_curve_keys(uint8_t *open, uint8_t *secret);

/* ------------------------------------------------------------------------------------------------------------ messages */

/*! One or more parts. Owned by who made or received it, until it was sent or freed. */
typedef struct fantail_message fantail_message;

/*! A message of one part, a copy of `size` bytes. */
fantail_message *fantail_message_new(const void *bytes, size_t size);
/*! The same of memory that is not copied: `release(data, hint)` is called once, on any thread, when it is no longer needed. */
fantail_message *fantail_message_adopt(void *data, size_t size, void (*release)(void *data, void *hint), void *hint);
/*! Adds a part behind the others, a copy. */
void fantail_message_add(fantail_message *message, const void *bytes, size_t size);
/*! How many parts, 1 or more. */
size_t fantail_message_parts(const fantail_message *message);
/*! The bytes of part `index` and, if `size` is not NULL, how many; valid until the message changes. NULL: there is no such part. */
const void *fantail_message_part(const fantail_message *message, size_t index, size_t *size);
/*! NULL is allowed. */
void fantail_message_free(fantail_message *message);

/*! A lane_sender gives up a message after so many attempts; `take` owns it. Called on any thread, and must not use the socket. */
fantail_status fantail_options_dead_letter(fantail_options *options,
                                           void (*take)(void *hint, fantail_message *message, uint32_t attempts), void *hint);

/* ------------------------------------------------------------------------------------------------------------- sockets */

/*! The patterns, one a class of socket.hpp and lane.hpp. */
typedef enum fantail_pattern {
    FANTAIL_PAIR = 0,
    FANTAIL_PUBLISHER = 1,
    FANTAIL_SUBSCRIBER = 2,
    FANTAIL_REQUESTER = 3,
    FANTAIL_REPLIER = 4,
    FANTAIL_DEALER = 5,
    FANTAIL_ROUTER = 6,
    FANTAIL_PULL = 7,
    FANTAIL_PUSH = 8,
    FANTAIL_XPUBLISHER = 9,
    FANTAIL_XSUBSCRIBER = 10,
    FANTAIL_SURVEYOR = 11,
    FANTAIL_RESPONDENT = 12,
    FANTAIL_BUS = 13,
    FANTAIL_CLIENT = 14,
    FANTAIL_SERVER = 15,
    FANTAIL_RADIO = 16,
    FANTAIL_DISH = 17,
    FANTAIL_LANE_SENDER = 18,
    FANTAIL_LANE_RECEIVER = 19
} fantail_pattern;

/*! One thread at a time may use a socket; it may move between threads. */
typedef struct fantail_socket fantail_socket;

/*! \param options NULL: all defaults. They are copied. NULL is answered for a pattern that does not exist. */
fantail_socket *fantail_socket_new(fantail_pattern pattern, const fantail_options *options);
/*! Closes, see fantail_close(), and frees. NULL is allowed. */
void fantail_socket_free(fantail_socket *socket);
/*! Waits at most the option `linger` until the kernel has what was sent. Every call then answers FANTAIL_CLOSED. */
void fantail_close(fantail_socket *socket);

/*! Listens there. \param bound the address with its real port is written there, and a zero byte, as far as `bound_size` bytes hold it
 *  (256 are enough for every address); NULL: not wanted */
fantail_status fantail_bind(fantail_socket *socket, const char *address, char *bound, size_t bound_size);
/*! Connects in the background, again and again. */
fantail_status fantail_connect(fantail_socket *socket, const char *address);
fantail_status fantail_unbind(fantail_socket *socket, const char *address);
fantail_status fantail_disconnect(fantail_socket *socket, const char *address);

/*! \param message taken over on FANTAIL_OK, untouched otherwise */
fantail_status fantail_send(fantail_socket *socket, fantail_message *message, int64_t timeout_ms);
/*! A message of one part, copied. */
fantail_status fantail_send_bytes(fantail_socket *socket, const void *bytes, size_t size, int64_t timeout_ms);
/*! \param message on FANTAIL_OK a message that the caller owns, else NULL */
fantail_status fantail_receive(fantail_socket *socket, fantail_message **message, int64_t timeout_ms);

/*! A subscriber's prefix, or a dish's group. FANTAIL_INVALID_ARGUMENT: other patterns; a group of more than 255 bytes. */
fantail_status fantail_subscribe(fantail_socket *socket, const void *prefix, size_t size);
/*! Takes one such call back. */
fantail_status fantail_unsubscribe(fantail_socket *socket, const void *prefix, size_t size);

/*! A descriptor for one's own poll or epoll: when it is readable, receive (or call fantail_service()) until FANTAIL_WOULD_BLOCK. Once asked
 *  for, this has to be done: no thread of the library serves the socket any more. */
int fantail_fd(fantail_socket *socket);
void fantail_service(fantail_socket *socket);

/* -------------------------------------------------------------------------------------------------------------- events */

/*! What happened to a connection; event.hpp says more of each. */
typedef enum fantail_event_type {
    FANTAIL_EVENT_LISTENING = 0,
    FANTAIL_EVENT_ACCEPT_FAILED = 1,
    FANTAIL_EVENT_ACCEPTED = 2,
    FANTAIL_EVENT_CONNECTED = 3,
    FANTAIL_EVENT_CONNECT_FAILED = 4,
    FANTAIL_EVENT_READY = 5,
    FANTAIL_EVENT_HANDSHAKE_FAILED = 6,
    FANTAIL_EVENT_REJECTED = 7,
    FANTAIL_EVENT_DISCONNECTED = 8,
    FANTAIL_EVENT_LANE_RESUMED = 9,
    FANTAIL_EVENT_DEAD_LETTERED = 10
} fantail_event_type;

/*! Texts end with a zero byte, and are cut to fit. */
typedef struct fantail_event {
    fantail_event_type type;
    char endpoint[256]; /*!< as given to bind or connect */
    char peer[256];     /*!< the other end's address, if known */
    char reason[256];   /*!< a sentence, or empty */
} fantail_event;

fantail_status fantail_next_event(fantail_socket *socket, fantail_event *event, int64_t timeout_ms);

/* --------------------------------------------------------------------------------------------------------------- lanes */

/*! Where a message stands in its lane. */
typedef struct fantail_place {
    uint8_t lane[16]; /*!< zeros: it has no lane */
    uint64_t number;  /*!< from 1 on; 0: it has no lane */
    int redelivered;  /*!< 1: a program may have been given it before */
} fantail_place;

/*! For a lane_receiver, instead of fantail_receive(). \param place written on FANTAIL_OK */
fantail_status fantail_lane_receive(fantail_socket *socket, fantail_message **message, fantail_place *place, int64_t timeout_ms);
/*! This message and all before it in its lane are done. */
fantail_status fantail_lane_ack(fantail_socket *socket, const fantail_place *place);
/*! This message and those behind it are wanted once more, after a pause. */
fantail_status fantail_lane_retry(fantail_socket *socket, const fantail_place *place);
/*! A lane_sender takes a message without waiting for its journal; durable with the next fantail_lane_flush() or fantail_send().
 *  \param message taken over on FANTAIL_OK \param number the message's is written there; NULL: not wanted */
fantail_status fantail_lane_post(fantail_socket *socket, fantail_message *message, uint64_t *number, int64_t timeout_ms);
/*! Makes everything posted durable. */
fantail_status fantail_lane_flush(fantail_socket *socket);
/*! The number of a lane_sender's last durable message; 0: none, or another pattern. */
uint64_t fantail_lane_durable(fantail_socket *socket);
/*! A lane_sender waits until everything sent is acknowledged. FANTAIL_AS_OPTIONS_SAY counts as FANTAIL_FOREVER. */
fantail_status fantail_lane_wait(fantail_socket *socket, int64_t timeout_ms);
/*! Messages that a lane_sender keeps; 0 for other patterns. */
uint64_t fantail_lane_unacknowledged(fantail_socket *socket);
/*! The same for each delivery of a message and for no other one. \param key 64 bytes, written with a zero byte at the end */
void fantail_lane_key(const fantail_place *place, char *key);

#ifdef __cplusplus
}
#endif
