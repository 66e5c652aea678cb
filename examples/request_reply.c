/* SPDX-License-Identifier: Apache-2.0 */
/*! A question and its answer in C, both ends in one thread. */
#include <fantail/fantail.h>
#include <stdio.h>

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, fantail_error_text());
    return 1;
}

int main(void) {
    fantail_socket *service = fantail_socket_new(FANTAIL_REPLIER, NULL);
    fantail_socket *client = fantail_socket_new(FANTAIL_REQUESTER, NULL);
    fantail_message *question = NULL, *answer = NULL;
    char address[256];
    size_t size;

    if (fantail_bind(service, "tcp://127.0.0.1:*", address, sizeof address) != FANTAIL_OK) return failed("bind");
    if (fantail_connect(client, address) != FANTAIL_OK) return failed("connect");
    if (fantail_send_bytes(client, "what time is it?", 16, 5000) != FANTAIL_OK) return failed("ask");
    if (fantail_receive(service, &question, 5000) != FANTAIL_OK) return failed("hear");

    fantail_message_add(question, " - late", 7); /* the question is sent back with a second part */
    if (fantail_send(service, question, 5000) != FANTAIL_OK) return failed("answer");
    if (fantail_receive(client, &answer, 5000) != FANTAIL_OK) return failed("receive");

    const char *text = fantail_message_part(answer, 1, &size);
    printf("%.*s\n", (int)size, text);
    fantail_message_free(answer);
    fantail_socket_free(client);
    fantail_socket_free(service);
    return size == 7 ? 0 : 1;
}
