// SPDX-License-Identifier: GPL-2.0
/* link: tools/target/tls.c tools/target/tls_info.c tools/target/psk.c tools/target/log.c */
/* link: tools/target/thread.c */
/* libs: -lgnutls */
/*
 * TLS of the target, against a client by GnuTLS: who has a key, and who has not; data in
 * both directions, with a peer that does not read; nothing that blocks; and what a kernel
 * that encrypts is told.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../target/log.h"
#include "../../target/tls.h"

#define NORMAL	"NORMAL:-KX-ALL:+ECDHE-PSK:+DHE-PSK:%NO_TICKETS:"
#define TLS13	NORMAL "-VERS-ALL:+VERS-TLS1.3"
#define TLS12	NORMAL "-VERS-ALL:+VERS-TLS1.2"

static const char good[] = "virtio-of host1 disk1";
static const uint8_t key[32] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static char longest[PSK_IDENTITY_SIZE];

static size_t find(const uint8_t *identity, size_t len, uint8_t out[PSK_KEY_MAX])
{
	if ((len != strlen(good) || memcmp(identity, good, len)) &&
	    (len != strlen(longest) || memcmp(identity, longest, len)))
		return 0;
	memcpy(out, key, sizeof(key));
	return sizeof(key);
}

struct pair {
	int		fds[2];		/* server, client */
	struct tls	*server;
	gnutls_session_t client;
	gnutls_psk_client_credentials_t creds;
	const char	*why;
	int		client_ret;
};

static void nonblocking(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void connect_tcp(int fds[2])
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sa, &len), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&sa, sizeof(sa)), 0);
	fds[0] = accept(l, NULL, NULL);
	assert_true(fds[0] >= 0);
	close(l);
}

static void set_up(struct pair *p, bool tcp, const char *priority, const char *identity,
		   const uint8_t *with)
{
	gnutls_datum_t k = { (unsigned char *)with, sizeof(key) };

	memset(p, 0, sizeof(*p));
	if (tcp)
		connect_tcp(p->fds);
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fds), 0);
	nonblocking(p->fds[0]);
	nonblocking(p->fds[1]);
	p->server = tls_open(p->fds[0], find);
	assert_non_null(p->server);
	assert_int_equal(gnutls_init(&p->client, GNUTLS_CLIENT | GNUTLS_NONBLOCK |
				     GNUTLS_NO_SIGNAL), 0);
	assert_int_equal(gnutls_priority_set_direct(p->client, priority, NULL), 0);
	assert_int_equal(gnutls_psk_allocate_client_credentials(&p->creds), 0);
	assert_int_equal(gnutls_psk_set_client_credentials(p->creds, identity, &k,
							   GNUTLS_PSK_KEY_RAW), 0);
	gnutls_credentials_set(p->client, GNUTLS_CRD_PSK, p->creds);
	gnutls_transport_set_int(p->client, p->fds[1]);
}

static void tear_down(struct pair *p)
{
	tls_close(p->server);
	gnutls_deinit(p->client);
	gnutls_psk_free_client_credentials(p->creds);
	close(p->fds[0]);
	close(p->fds[1]);
}

static enum tls_step shake(struct pair *p)
{
	enum tls_step step = TLS_READS;

	p->client_ret = GNUTLS_E_AGAIN;
	/* what they say to each other may take its time over TCP */
	for (int i = 0; i < 5000; i++) {
		usleep(i < 100 ? 0 : 1000);
		if (p->client_ret == GNUTLS_E_AGAIN)
			p->client_ret = gnutls_handshake(p->client);
		if (step == TLS_READS || step == TLS_WRITES)
			step = tls_handshake(p->server, &p->why);
		if (step == TLS_FAILED)
			return step;
		if (step == TLS_DONE && p->client_ret != GNUTLS_E_AGAIN)
			return step;
	}
	return TLS_READS;
}

static size_t client_gets(struct pair *p, uint8_t *buf, size_t len)
{
	size_t n = 0;

	while (n < len) {
		ssize_t ret = gnutls_record_recv(p->client, buf + n, len - n);

		if (ret == GNUTLS_E_AGAIN)
			break;
		assert_true(ret > 0);
		n += ret;
	}
	return n;
}

static void both_ways(bool tcp, const char *priority, const char *version)
{
	uint8_t head[40] = "command", got[64];
	struct iovec iov[] = { { head, 16 }, { head + 16, 7 }, { head + 23, 17 } };
	struct pair p;
	ssize_t ret, n = 0;
	const uint8_t *proof;
	size_t len;

	set_up(&p, tcp, priority, good, key);
	assert_int_equal(shake(&p), TLS_DONE);
	assert_int_equal(p.client_ret, 0);
	assert_string_equal(tls_identity(p.server), good);
	proof = tls_key(p.server, &len);
	assert_int_equal(len, sizeof(key));
	assert_memory_equal(proof, key, len);
	assert_string_equal(tls_version(p.server), version);
	print_message("# %s %s%s\n", version, tcp ? "over TCP" : "over a pair",
		      tls_in_kernel(p.server) ? ", by the kernel" : "");

	assert_int_equal(tls_recv(p.server, iov, 3), -EAGAIN);
	assert_int_equal(tls_send(p.server, iov, 3, false), 40);
	assert_false(tls_pending(p.server));
	while (n < 40)
		n += client_gets(&p, got + n, sizeof(got) - n);
	n = 0;
	assert_memory_equal(got, head, 40);
	for (int i = 0; i < 3; i++)
		assert_int_equal(gnutls_record_send(p.client, "0123456789", 10), 10);
	memset(head, 0, sizeof(head));
	/* over TCP it may be on its way for a while */
	while (n < 30) {
		iov[0] = (struct iovec) { head + n, 1 };
		iov[1] = (struct iovec) { head + n + 1, 39 - n };
		ret = tls_recv(p.server, iov, 2);
		assert_true(ret > 0 || (tcp && ret == -EAGAIN));
		n += ret > 0 ? ret : 0;
	}
	assert_int_equal(n, 30);
	assert_memory_equal(head, "012345678901234567890123456789", 30);
	assert_int_equal(tls_recv(p.server, iov, 2), -EAGAIN);
	gnutls_bye(p.client, GNUTLS_SHUT_WR);
	while ((ret = tls_recv(p.server, iov, 2)) == -EAGAIN && tcp)
		;
	assert_int_equal(ret, 0);
	tear_down(&p);
}

static void data_goes_both_ways(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		both_ways(tcp, TLS13, "TLS1.3");
		both_ways(tcp, TLS12, "TLS1.2");
		both_ways(tcp, TLS13 ":-CIPHER-ALL:+CHACHA20-POLY1305", "TLS1.3");
		both_ways(tcp, TLS13 ":-CIPHER-ALL:+AES-128-GCM", "TLS1.3");
		both_ways(tcp, TLS12 ":-CIPHER-ALL:+AES-256-GCM", "TLS1.2");
		both_ways(tcp, NORMAL "%COMPAT", "TLS1.3");
	}
}

static void the_longest_identity(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p, false, TLS13, longest, key);
	assert_int_equal(shake(&p), TLS_DONE);
	assert_string_equal(tls_identity(p.server), longest);
	tear_down(&p);
}

static void fails(const char *priority, const char *identity, const uint8_t *with,
		  const char *words)
{
	struct pair p;

	set_up(&p, false, priority, identity, with);
	assert_int_equal(shake(&p), TLS_FAILED);
	print_message("# %s\n", p.why);
	assert_non_null(strstr(p.why, words));
	for (int i = 0; i < 10; i++)
		p.client_ret = gnutls_handshake(p.client);
	assert_true(p.client_ret < 0);
	tear_down(&p);
}

static void nobody_else_gets_in(void **state)
{
	static const uint8_t other[32] = { 1, 2, 3, 4, 5, 6, 7, 9 };

	(void)state;
	fails(TLS13, good, other, "another key of \"host1\" for \"disk1\"");
	fails(TLS12, good, other, "another key of \"host1\" for \"disk1\"");
	fails(TLS13, "virtio-of host1 disk2", key, "no key of \"host1\" for \"disk2\"");
	fails(TLS12, "virtio-of host1 disk2", key, "no key of \"host1\" for \"disk2\"");
	fails(TLS13, "host1\n", key, "no key with identity \"host1\\");
	fails("NORMAL:-VERS-ALL:+VERS-TLS1.1:-KX-ALL:+ECDHE-PSK:+DHE-PSK", good, key, "TLS: ");
	/* without a Diffie-Hellman */
	fails("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK", good, key, "TLS: ");
	fails("NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK", good, key, "TLS: ");
}

static void plain_bytes(void **state)
{
	static const uint8_t connect[1040] = { 0 };
	const char *why = NULL;
	uint8_t alert[16];
	int fds[2];
	struct tls *t;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	nonblocking(fds[0]);
	t = tls_open(fds[0], find);
	assert_int_equal(tls_handshake(t, &why), TLS_READS);
	assert_int_equal(write(fds[1], connect, sizeof(connect)), sizeof(connect));
	assert_int_equal(tls_handshake(t, &why), TLS_FAILED);
	assert_non_null(strstr(why, "does not speak TLS"));
	/* in TLS's words: by these the driver knows what is there, see vof_stream_tls() */
	assert_int_equal(read(fds[1], alert, sizeof(alert)), 7);
	assert_memory_equal(alert, "\x15\x03", 2);
	assert_memory_equal(alert + 3, "\x00\x02\x02", 3);
	tls_close(t);
	close(fds[0]);
	close(fds[1]);
	/* and one that goes in between */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	nonblocking(fds[0]);
	t = tls_open(fds[0], find);
	close(fds[1]);
	assert_int_equal(tls_handshake(t, &why), TLS_FAILED);
	assert_non_null(strstr(why, "has gone"));
	tls_close(t);
	close(fds[0]);
}

/* A peer that makes itself another key, and says something with it, all at once. */
static void behind_a_key_update(void **state)
{
	uint8_t got[20];
	struct iovec iov = { got, 10 };
	struct pair p;

	(void)state;
	set_up(&p, false, TLS13, good, key);
	assert_int_equal(shake(&p), TLS_DONE);
	assert_int_equal(tls_recv(p.server, &iov, 1), -EAGAIN);
	assert_int_equal(gnutls_session_key_update(p.client, 0), 0);
	assert_int_equal(gnutls_record_send(p.client, "0123456789", 10), 10);
	/* nobody tells of it again */
	assert_int_equal(tls_recv(p.server, &iov, 1), 10);
	assert_memory_equal(got, "0123456789", 10);
	assert_int_equal(tls_recv(p.server, &iov, 1), -EAGAIN);
	tear_down(&p);
}

/* Nobody who has named no key has another one. */
static void a_scanner(void **state)
{
	static uint8_t hello[200];
	const char *why = NULL;
	enum tls_step step;
	struct pair p;
	ssize_t n;

	(void)state;
	/* a hello that is broken at each of its bytes */
	for (unsigned int at = 0; at < sizeof(hello); at++) {
		int fds[2];
		struct tls *t;

		set_up(&p, false, "NORMAL:-VERS-ALL:+VERS-TLS1.3", good, key);
		gnutls_handshake(p.client);
		n = recv(p.fds[0], hello, sizeof(hello), 0);
		tear_down(&p);
		assert_true(n > 60);
		if (at >= (size_t)n)
			break;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		nonblocking(fds[0]);
		t = tls_open(fds[0], find);
		hello[at] ^= 0x11;
		assert_int_equal(write(fds[1], hello, n), n);
		step = tls_handshake(t, &why);
		if (step == TLS_FAILED)
			assert_null(strstr(why, "another key"));
		tls_close(t);
		close(fds[0]);
		close(fds[1]);
	}
}

static unsigned int flags;	/* of the session that was made last */
static bool swallow;		/* what is sent */

/* In the place of GnuTLS's. */
int gnutls_init(gnutls_session_t *session, unsigned int f)
{
	int (*real)(gnutls_session_t *s, unsigned int f) = dlsym(RTLD_NEXT, "gnutls_init");

	flags = f;
	return real(session, f);
}

ssize_t gnutls_record_send(gnutls_session_t session, const void *data, size_t len)
{
	static ssize_t (*real)(gnutls_session_t s, const void *d, size_t n);

	if (swallow)
		return len;
	if (!real)
		real = dlsym(RTLD_NEXT, "gnutls_record_send");
	return real(session, data, len);
}

/* A peer whose kernel decrypts takes no key update: so there is none, and an end in time. */
static void no_other_key(void **state)
{
	struct iovec iov = { "x", 1 };
	struct tls *t;
	struct pair p;

	(void)state;
	for (int gcm = 0; gcm < 2; gcm++) {
		uint32_t n = 0;

		set_up(&p, false, gcm ? TLS13 ":-CIPHER-ALL:+AES-128-GCM" :
		       TLS13 ":-CIPHER-ALL:+CHACHA20-POLY1305", good, key);
		t = tls_open(p.fds[0], find);
		assert_true(flags & GNUTLS_NO_AUTO_REKEY);
		tls_close(t);
		assert_int_equal(shake(&p), TLS_DONE);
		swallow = true;
		for (; n < 1U << 24; n++) {
			if (tls_worn(p.server))
				break;
			tls_send(p.server, &iov, 1, false);
		}
		assert_int_equal(n, 1 << 24);
		assert_int_equal(tls_worn(p.server), gcm);
		assert_false(tls_worn_out(p.server));
		/* 2^24.5 */
		for (; n < 23726566 && !tls_worn_out(p.server); n++)
			tls_send(p.server, &iov, 1, false);
		swallow = false;
		assert_int_equal(tls_worn_out(p.server), gcm);
		tear_down(&p);
	}
}

static uint8_t byte_at(size_t i)
{
	return i * 7 + (i >> 8) * 3 + (i >> 16);
}

/* All that is accepted arrives, in order, and without a call that waits. */
static void a_peer_that_does_not_read(void **state)
{
	const size_t total = 3 << 20;
	uint8_t *out = malloc(total), *in = malloc(total);
	size_t sent = 0, got = 0, stalls = 0, most;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < total; i++)
		out[i] = byte_at(i);
	set_up(&p, false, TLS13, good, key);
	assert_int_equal(shake(&p), TLS_DONE);
	while (got < total) {
		/* in pieces that fit no record */
		struct iovec iov[] = {
			{ out + sent, total - sent < 16 ? total - sent : 16 },
			{ out + sent + 16, total - sent > 70016 ? 70000 : 0 },
		};
		ssize_t n = sent < total ? tls_send(p.server, iov, 2, false) :
					   tls_push(p.server);

		if (n > 0) {
			sent += n;
			continue;
		}
		if (n < 0)
			assert_int_equal(n, -EAGAIN);
		most = sent - got;
		assert_true(most <= 2 << 20);
		stalls += n < 0;
		got += client_gets(&p, in + got, 100000 < total - got ? 100000 : total - got);
	}
	assert_true(stalls > 2);
	assert_memory_equal(in, out, total);
	tear_down(&p);
	free(out);
	free(in);
}

/* ---- a kernel that encrypts ----------------------------------------------- */

#ifndef SOL_TLS
#define SOL_TLS		282
#endif

static bool pretend;
static union {
	struct tls12_crypto_info_aes_gcm_128 g128;
	struct tls12_crypto_info_chacha20_poly1305 cc;
} told[2];			/* what we send with, and receive */

/* In the place of libc's: pretends to be one that takes over. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	if (pretend && level == SOL_TCP && name == TCP_ULP)
		return 0;
	if (pretend && level == SOL_TLS) {
		assert_true(len <= sizeof(told[0]));
		memcpy(&told[name == TLS_RX], value, len);
		return 0;
	}
	return syscall(SYS_setsockopt, fd, level, name, value, len);
}

/* A cipher with the key that was told, and the nonce of the first record. */
static gnutls_aead_cipher_hd_t cipher(bool gcm, bool read, uint8_t nonce[12])
{
	gnutls_aead_cipher_hd_t h;
	gnutls_datum_t k;

	if (gcm) {
		assert_int_equal(told[read].g128.info.version, TLS_1_3_VERSION);
		assert_int_equal(told[read].g128.info.cipher_type, TLS_CIPHER_AES_GCM_128);
		memcpy(nonce, told[read].g128.salt, 4);
		memcpy(nonce + 4, told[read].g128.iv, 8);
		for (int i = 0; i < 8; i++)
			nonce[4 + i] ^= told[read].g128.rec_seq[i];
		k = (gnutls_datum_t) { told[read].g128.key, sizeof(told[read].g128.key) };
	} else {
		assert_int_equal(told[read].cc.info.version, TLS_1_3_VERSION);
		assert_int_equal(told[read].cc.info.cipher_type,
				 TLS_CIPHER_CHACHA20_POLY1305);
		memcpy(nonce, told[read].cc.iv, 12);
		for (int i = 0; i < 8; i++)
			nonce[4 + i] ^= told[read].cc.rec_seq[i];
		k = (gnutls_datum_t) { told[read].cc.key, sizeof(told[read].cc.key) };
	}
	assert_int_equal(gnutls_aead_cipher_init(&h, gcm ? GNUTLS_CIPHER_AES_128_GCM :
						 GNUTLS_CIPHER_CHACHA20_POLY1305, &k), 0);
	return h;
}

/* With it the kernel reads what the peer sends, and the peer what the kernel sends. */
static void what_the_kernel_is_told(void **state)
{
	static const uint8_t data[] = "0123456789\x17";	/* and that it is data */
	uint8_t record[100] = { 0x17, 3, 3, 0, 11 + 16 }, got[100], nonce[12];

	(void)state;
	for (int gcm = 0; gcm < 2; gcm++) {
		size_t len = sizeof(got), n;
		gnutls_aead_cipher_hd_t h;
		struct pair p;

		set_up(&p, false, gcm ? TLS13 ":-CIPHER-ALL:+AES-128-GCM" :
		       TLS13 ":-CIPHER-ALL:+CHACHA20-POLY1305", good, key);
		pretend = true;
		assert_int_equal(shake(&p), TLS_DONE);
		pretend = false;
		assert_true(tls_in_kernel(p.server));

		assert_int_equal(gnutls_record_send(p.client, data, 10), 10);
		n = recv(p.fds[0], record, sizeof(record), 0);
		assert_int_equal(n, 5 + 11 + 16);
		h = cipher(gcm, true, nonce);
		assert_int_equal(gnutls_aead_cipher_decrypt(h, nonce, 12, record, 5, 16,
							    record + 5, n - 5, got, &len), 0);
		gnutls_aead_cipher_deinit(h);
		assert_int_equal(len, 11);
		assert_memory_equal(got, data, 11);

		h = cipher(gcm, false, nonce);
		len = sizeof(record) - 5;
		assert_int_equal(gnutls_aead_cipher_encrypt(h, nonce, 12, record, 5, 16, data,
							    11, record + 5, &len), 0);
		gnutls_aead_cipher_deinit(h);
		assert_int_equal(send(p.fds[0], record, 5 + len, 0), 5 + len);
		assert_int_equal(client_gets(&p, got, 10), 10);
		assert_memory_equal(got, data, 10);
		tear_down(&p);
	}
}

static int begin(void **state)
{
	char i[VIRTIO_OF_VQN_SIZE], t[VIRTIO_OF_VQN_SIZE];

	(void)state;
	memset(i, 'i', sizeof(i) - 1);
	memset(t, 't', sizeof(t) - 1);
	i[sizeof(i) - 1] = 0;
	t[sizeof(t) - 1] = 0;
	return psk_identity(longest, i, t) && tls_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_goes_both_ways),
		cmocka_unit_test(the_longest_identity),
		cmocka_unit_test(nobody_else_gets_in),
		cmocka_unit_test(plain_bytes),
		cmocka_unit_test(behind_a_key_update),
		cmocka_unit_test(no_other_key),
		cmocka_unit_test(a_scanner),
		cmocka_unit_test(a_peer_that_does_not_read),
		cmocka_unit_test(what_the_kernel_is_told),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
