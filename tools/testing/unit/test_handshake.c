// SPDX-License-Identifier: GPL-2.0
/* link: tools/initiator/handshake/session.c tools/initiator/handshake/request.c */
/* link: tools/initiator/handshake/key.c tools/initiator/handshake/ktls.c tools/target/tls_info.c */
/* libs: -lgnutls -lmnl -lkeyutils */
/*
 * virtio-of-handshake without a kernel: handshakes with a server of GnuTLS's at the other
 * end of a socket pair, and what the kernel's messages and keys are taken for.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../initiator/handshake/genl.h"
#include "../../initiator/handshake/ktls.h"
#include "../../initiator/handshake/request.h"
#include "../../initiator/handshake/session.h"
#include "../../target/tls_info.h"

#define IDENTITY	"virtio-of virtio-of:uuid:1 disk0"
#define SERVER		"NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK:%NO_TICKETS"

static struct key good = {
	.identity = IDENTITY, .secret = "0123456789abcdef0123456789abcdef", .len = 32,
};

/* ---- a server --------------------------------------------------------------- */

struct server {
	int				fd;
	gnutls_session_t		tls;
	gnutls_psk_server_credentials_t	psk;
	const struct key		*key;
	int				done;	/* 1: ended well, or GnuTLS's error */
};

static int find_key(gnutls_session_t tls, const gnutls_datum_t *identity, gnutls_datum_t *key)
{
	struct server *s = gnutls_session_get_ptr(tls);

	if (identity->size != strlen(s->key->identity) ||
	    memcmp(identity->data, s->key->identity, identity->size))
		return -1;
	key->data = gnutls_malloc(s->key->len);
	memcpy(key->data, s->key->secret, s->key->len);
	key->size = s->key->len;
	return 0;
}

static void server_begin(struct server *s, int fd, const struct key *key, const char *prio,
			 unsigned int flags)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->key = key;
	assert_int_equal(gnutls_psk_allocate_server_credentials(&s->psk), 0);
	gnutls_psk_set_server_credentials_function2(s->psk, find_key);
	assert_int_equal(gnutls_init(&s->tls, GNUTLS_SERVER | GNUTLS_NONBLOCK | flags), 0);
	assert_int_equal(gnutls_priority_set_direct(s->tls, prio, NULL), 0);
	assert_int_equal(gnutls_credentials_set(s->tls, GNUTLS_CRD_PSK, s->psk), 0);
	gnutls_session_set_ptr(s->tls, s);
	gnutls_transport_set_int(s->tls, fd);
}

static void server_step(struct server *s)
{
	int ret;

	if (s->done)
		return;
	ret = gnutls_handshake(s->tls);
	if (!ret) {
		s->done = 1;
	} else if (gnutls_error_is_fatal(ret)) {
		gnutls_alert_send_appropriate(s->tls, ret);
		s->done = ret;
	}
}

static void server_end(struct server *s)
{
	gnutls_deinit(s->tls);
	gnutls_psk_free_server_credentials(s->psk);
}

static void make_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
}

/* Both in turn; what the client's handshake ends with, -EAGAIN if it does not. */
static int shake(struct session *c, struct server *s, const char **why)
{
	int ret = -EAGAIN;

	for (int i = 0; i < 20 && (ret == -EAGAIN || !s->done); i++) {
		if (ret == -EAGAIN)
			ret = session_step(c, why);
		server_step(s);
	}
	return ret;
}

static int try(const struct key *ours, const struct key *theirs, const char *prio)
{
	const char *why = NULL;
	struct session c;
	struct server s;
	int pair[2], ret;

	make_pair(pair);
	server_begin(&s, pair[1], theirs, prio, 0);
	assert_int_equal(session_begin(&c, pair[0], ours, &why), 0);
	ret = shake(&c, &s, &why);
	assert_int_equal(s.done == 1, ret == 0);
	if (ret)
		assert_non_null(why);
	session_end(&c);
	assert_int_equal(c.socket, -1);
	server_end(&s);
	close(pair[0]);
	close(pair[1]);
	return ret;
}

/* ---- handshakes ------------------------------------------------------------- */

static void keys_decide(void **state)
{
	struct key other = good, longest = good;

	(void)state;
	assert_int_equal(try(&good, &good, SERVER), 0);
	other.secret[31] ^= 1;
	assert_int_equal(try(&other, &good, SERVER), -EKEYREJECTED);
	other = good;
	other.identity[0] = 'V';
	assert_int_equal(try(&other, &good, SERVER), -EKEYREJECTED);
	longest.len = KEY_MAX;
	memset(longest.identity, 'i', 522);	/* two names of 255 bytes */
	assert_int_equal(try(&longest, &longest, SERVER), 0);
	assert_int_equal(try(&good, &good, "NORMAL:-VERS-ALL:+VERS-TLS1.2:+ECDHE-PSK"),
			 -EPROTO);
}

/* What one end writes with the other reads with, and in the shape that the kernel takes. */
static void same_keys_at_both_ends(void **state)
{
	static const char *const only[] = { ":-CIPHER-ALL:+AES-128-GCM",
					    ":-CIPHER-ALL:+CHACHA20-POLY1305" };
	static const int lengths[] = { sizeof(struct tls12_crypto_info_aes_gcm_128),
				       sizeof(struct tls12_crypto_info_chacha20_poly1305) };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct tls_secret a, b;
		union tls_info x, y;
		const char *why;
		struct session c;
		struct server s;
		char prio[200];
		int pair[2];

		snprintf(prio, sizeof(prio), "%s%s", SERVER, only[i]);
		make_pair(pair);
		server_begin(&s, pair[1], &good, prio, 0);
		assert_int_equal(session_begin(&c, pair[0], &good, &why), 0);
		assert_int_equal(shake(&c, &s, &why), 0);

		assert_true(tls_secret(&a, c.tls, false));
		assert_true(tls_secret(&b, s.tls, true));
		assert_int_equal(tls_info_fill(&x, &a), lengths[i]);
		assert_int_equal(tls_info_fill(&y, &b), lengths[i]);
		assert_memory_equal(&x, &y, lengths[i]);
		assert_int_equal(x.info.version, TLS_1_3_VERSION);

		a.key.size--;
		assert_int_equal(tls_info_fill(&x, &a), -EPROTO);
		a.key.size++;
		a.cipher = GNUTLS_CIPHER_AES_128_CCM;
		assert_int_equal(tls_info_fill(&x, &a), -EPROTO);
		session_end(&c);
		server_end(&s);
		close(pair[0]);
		close(pair[1]);
	}
}

/* What comes with the server's last message is for the kernel to read. */
static void what_follows_stays(void **state)
{
	const char *why = NULL;
	unsigned char record;
	struct session c;
	struct server s;
	int pair[2];

	(void)state;
	make_pair(pair);
	server_begin(&s, pair[1], &good, SERVER, 0);
	assert_int_equal(session_begin(&c, pair[0], &good, &why), 0);
	assert_int_equal(session_step(&c, &why), -EAGAIN);
	server_step(&s);
	assert_int_equal(send(pair[1], "\x17", 1, 0), 1);
	assert_int_equal(session_step(&c, &why), 0);
	assert_int_equal(gnutls_record_check_pending(c.tls), 0);
	assert_int_equal(recv(pair[0], &record, 1, MSG_DONTWAIT), 1);
	assert_int_equal(record, 0x17);
	session_end(&c);
	server_end(&s);
	close(pair[0]);
	close(pair[1]);
}

/* Byte by byte in both directions, with nothing to read in between. */
static void cut_everywhere(void **state)
{
	const char *why = NULL;
	int client[2], server[2], ret = -EAGAIN;
	struct session c;
	struct server s;

	(void)state;
	make_pair(client);
	make_pair(server);
	server_begin(&s, server[1], &good, SERVER, 0);
	assert_int_equal(session_begin(&c, client[0], &good, &why), 0);
	for (int i = 0; i < 20000 && (ret == -EAGAIN || !s.done); i++) {
		char byte;

		if (ret == -EAGAIN) {
			ret = session_step(&c, &why);
			if (ret == -EAGAIN)
				assert_int_equal(session_events(&c), POLLIN);
		}
		if (recv(client[1], &byte, 1, MSG_DONTWAIT) == 1)
			assert_int_equal(send(server[0], &byte, 1, 0), 1);
		server_step(&s);
		if (recv(server[0], &byte, 1, MSG_DONTWAIT) == 1)
			assert_int_equal(send(client[1], &byte, 1, 0), 1);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(s.done, 1);
	session_end(&c);
	server_end(&s);
	for (int i = 0; i < 2; i++) {
		close(client[i]);
		close(server[i]);
	}
}

/* What answers with @text and closes, if it is said to. */
static int answer(const char *text, bool ends)
{
	const char *why = NULL;
	struct session c;
	int pair[2], ret;

	make_pair(pair);
	assert_int_equal(session_begin(&c, pair[0], &good, &why), 0);
	assert_int_equal(session_step(&c, &why), -EAGAIN);
	if (*text)
		assert_int_equal(send(pair[1], text, strlen(text), 0), strlen(text));
	if (ends)
		shutdown(pair[1], SHUT_WR);
	ret = session_step(&c, &why);
	assert_int_equal(session_events(&c), POLLIN);
	session_end(&c);
	close(pair[0]);
	close(pair[1]);
	return ret;
}

static void no_server(void **state)
{
	(void)state;
	assert_int_equal(answer("", false), -EAGAIN);
	assert_int_equal(answer("", true), -ECONNRESET);
	assert_int_equal(answer("\x16\x03\x03", true), -ECONNRESET);
	assert_int_equal(answer("HTTP/1.1 400 Bad Request\r\n\r\n", false), -EPROTO);
	assert_int_equal(answer("SSH-2.0-OpenSSH_9.2\r\n", true), -EPROTO);
}

/* ---- messages of the kernel's ----------------------------------------------- */

static char buffer[1024];

static struct nlmsghdr *accepted(unsigned int keys)
{
	struct nlmsghdr *nlh = request_accept(buffer, 30, 1);

	/* in the place of the request's only attribute */
	nlh->nlmsg_len -= mnl_attr_get_len(mnl_nlmsg_get_payload_offset(nlh, 4));
	mnl_attr_put_u32(nlh, GENL_ACCEPT_SOCKET, 7);
	mnl_attr_put_u32(nlh, GENL_ACCEPT_MESSAGE, GENL_CLIENT_HELLO);
	mnl_attr_put_u32(nlh, GENL_ACCEPT_AUTH, GENL_AUTH_PSK);
	for (unsigned int i = 0; i < keys; i++)
		mnl_attr_put_u32(nlh, GENL_ACCEPT_PEER_ID, 100 + i);
	return nlh;
}

static void requests(void **state)
{
	struct nlmsghdr *nlh = accepted(2);
	struct request req;

	(void)state;
	mnl_attr_put_u32(nlh, GENL_ACCEPT_TIMEOUT, 3000);
	mnl_attr_put_strz(nlh, 8, "a.name.of.the.peer");
	mnl_attr_put_u32(nlh, 9, 1);
	assert_int_equal(request_parse(&req, nlh), 0);
	assert_int_equal(req.socket, 7);
	assert_int_equal(req.timeout, 3000);
	assert_int_equal(req.keys, 2);
	assert_int_equal(req.key[1], 101);
	assert_null(request_refused(&req));

	/* nobody has time without end */
	assert_int_equal(request_parse(&req, accepted(1)), 0);
	assert_int_equal(req.timeout, REQUEST_TIMEOUT);
	nlh = accepted(1);
	mnl_attr_put_u32(nlh, GENL_ACCEPT_TIMEOUT, UINT32_MAX);
	assert_int_equal(request_parse(&req, nlh), 0);
	assert_int_equal(req.timeout, REQUEST_TIMEOUT_MAX);

	/* more keys than there can be are left out */
	assert_int_equal(request_parse(&req, accepted(9)), 0);
	assert_int_equal(req.keys, REQUEST_KEYS);

	assert_int_equal(request_parse(&req, accepted(0)), 0);
	assert_non_null(request_refused(&req));
	req.keys = 1;
	req.auth = GENL_AUTH_X509;
	assert_non_null(request_refused(&req));
	req.auth = GENL_AUTH_PSK;
	req.message = GENL_SERVER_HELLO;
	assert_non_null(request_refused(&req));
}

static void odd_messages(void **state)
{
	struct nlmsghdr *nlh = accepted(1);
	struct request req;

	(void)state;
	((struct genlmsghdr *)mnl_nlmsg_get_payload(nlh))->cmd = GENL_READY;
	assert_int_equal(request_parse(&req, nlh), -EPROTO);

	nlh = accepted(1);
	mnl_attr_put_u64(nlh, GENL_ACCEPT_TIMEOUT, 1);
	assert_int_equal(request_parse(&req, nlh), -EPROTO);
	assert_int_equal(req.socket, 7);	/* to be closed */

	nlh = request_accept(buffer, 30, 1);
	assert_int_equal(request_parse(&req, nlh), -EPROTO);
	assert_int_equal(req.socket, -1);

	nlh->nlmsg_len = sizeof(*nlh) + 2;
	assert_int_equal(request_parse(&req, nlh), -EPROTO);

	nlh = request_done(buffer, 30, 1, 7, -EKEYREJECTED, 5);
	assert_int_equal(mnl_attr_get_u32(mnl_nlmsg_get_payload_offset(nlh, 4)),
			 EKEYREJECTED);
	assert_int_equal(nlh->nlmsg_len, 16 + 4 + 8 + 8);
}

static void groups(void **state)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	const unsigned char map[16] = { [0] = 1, [4] = 2, [15] = 0x80 };
	struct nlattr *attr = mnl_nlmsg_get_payload(nlh);

	(void)state;
	mnl_attr_put(nlh, 1, sizeof(map), map);
	for (unsigned int g = 0; g < 400; g++)
		assert_int_equal(request_group_in(attr, g), g == 1 || g == 34 || g == 128);
	attr->nla_len -= 8;
	assert_false(request_group_in(attr, 128));
	assert_true(request_group_in(attr, 34));
}

/* ---- keys ------------------------------------------------------------------- */

static void descriptions(void **state)
{
	char text[KEY_IDENTITY + 64];
	const char *why = NULL;
	struct key key;

	(void)state;
	assert_int_equal(key_parse(&key, "user;0;0;3f010000;" IDENTITY, &why), 0);
	assert_string_equal(key.identity, IDENTITY);
	assert_int_equal(key_parse(&key, "psk;0;0;3f010000;a;b", &why), 0);
	assert_string_equal(key.identity, "a;b");
	assert_null(why);

	assert_int_equal(key_parse(&key, "logon;0;0;3f010000;x", &why), -ENOKEY);
	assert_non_null(why);
	assert_int_equal(key_parse(&key, "keyring;0;0;3f010000;x", &why), -ENOKEY);
	assert_int_equal(key_parse(&key, "user;0;0;3f010000;", &why), -ENOKEY);
	assert_int_equal(key_parse(&key, "user;0;0", &why), -ENOKEY);
	assert_int_equal(key_parse(&key, "user;0;0;3f010000;two\nlines", &why), -ENOKEY);
	assert_int_equal(key_parse(&key, "user;0;0;3f010000;\xc3\xa4", &why), -ENOKEY);
	assert_int_equal(key_parse(&key, "", &why), -ENOKEY);

	memset(text, 'x', sizeof(text));
	memcpy(text, "user;0;0;3f010000;", 18);
	text[18 + KEY_IDENTITY - 1] = 0;
	assert_int_equal(key_parse(&key, text, &why), 0);
	assert_int_equal(strlen(key.identity), KEY_IDENTITY - 1);
	text[18 + KEY_IDENTITY - 1] = 'x';
	text[18 + KEY_IDENTITY] = 0;
	assert_int_equal(key_parse(&key, text, &why), -ENOKEY);
	key_wipe(&key);
}

static int none_missing(gnutls_cipher_algorithm_t cipher)
{
	(void)cipher;
	return -ENETUNREACH;
}

static int gcm_missing(gnutls_cipher_algorithm_t cipher)
{
	return cipher == GNUTLS_CIPHER_AES_128_GCM ? -ENOENT : 0;
}

static int all_missing(gnutls_cipher_algorithm_t cipher)
{
	(void)cipher;
	return -ENOENT;
}

/* What the kernel cannot do is not offered. */
static void ciphers_of_the_kernel(void **state)
{
	(void)state;
	sessions_deinit();
	assert_int_equal(sessions_init(all_missing), -EOPNOTSUPP);
	assert_int_equal(sessions_init(gcm_missing), 0);
	assert_int_equal(try(&good, &good, SERVER ":-CIPHER-ALL:+AES-128-GCM"), -EKEYREJECTED);
	assert_int_equal(try(&good, &good, SERVER), 0);
	sessions_deinit();
	assert_int_equal(sessions_init(none_missing), 0);
}

static int set_up(void **state)
{
	(void)state;
	return sessions_init(none_missing);
}

static int tear_down(void **state)
{
	(void)state;
	sessions_deinit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_decide),
		cmocka_unit_test(same_keys_at_both_ends),
		cmocka_unit_test(what_follows_stays),
		cmocka_unit_test(cut_everywhere),
		cmocka_unit_test(no_server),
		cmocka_unit_test(ciphers_of_the_kernel),
		cmocka_unit_test(requests),
		cmocka_unit_test(odd_messages),
		cmocka_unit_test(groups),
		cmocka_unit_test(descriptions),
	};

	return cmocka_run_group_tests_name("handshake", tests, set_up, tear_down);
}
