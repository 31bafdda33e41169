// SPDX-License-Identifier: GPL-2.0
/*
 * TLS: a handshake before the first command.
 *
 * An agent in userspace does it, tlshd or virtio-of-handshake, which the kernel's handshake
 * service hands the socket to; from then on the kernel encrypts what is sent and decrypts
 * what is received (record.c). The key is one of the keyring .virtio_of, by its
 * description, which is also the identity that the target sees: nobody here looks at the
 * key itself. It is looked up for each connection, so that one can take the place of
 * another while a device lives.
 *
 * The service is there from 6.5 on, if it was configured. Without it nothing of this is.
 */
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/key.h>
#include <keys/user-type.h>
#include <net/tcp.h>
#include <net/tls.h>
/* It relies on what these two bring. */
#include <net/handshake.h>

#include "tcp.h"

/* What the agent is given, and what we wait for it: its words come first. */
#define VOF_TLS_TIMEOUT_MS	5000
#define VOF_TLS_TIMEOUT		(6 * HZ)

static struct key *vof_tls_keyring;

/* What it means that the handshake has failed. */
static const char *vof_tls_failure(int err)
{
	switch (err) {
	case -ESRCH:
		return "no agent does the TLS handshake: start tlshd or virtio-of-handshake";
	case -EAGAIN:
		return "too many TLS handshakes are under way on this host";
	case -ENOKEY:
	case -EKEYREVOKED:
	case -EKEYEXPIRED:
		return "the TLS key cannot be used, the agent's log says why";
	case -EKEYREJECTED:
	case -EACCES:
		return "the target knows this TLS identity by another key, or not at all";
	case -EPROTO:
		return "the target does not speak TLS there, or not TLS 1.3";
	case -ECONNRESET:
		return "the target closed the connection in the TLS handshake";
	case -ETIMEDOUT:
		return "the target did not answer the TLS handshake, or the agent did not do it";
	case -EOPNOTSUPP:
		return "the agent does not do this TLS handshake, or the module tls is missing";
	default:
		return "the TLS handshake failed, the agent's log may say why";
	}
}

static int vof_tls_failed(struct vof_tcp_queue *tq, int err)
{
	vof_queue_error(tq->q, err, "%s", vof_tls_failure(err));
	return err;
}

/* The agent is done, in whatever way. */
static void vof_tls_done(void *data, int status, key_serial_t peer)
{
	struct vof_tcp_queue *tq = data;

	tq->shake_err = status;
	WRITE_ONCE(tq->shaken, true);
	wake_up_all(&tq->wait);
	/* The last that is done with the queue. */
	complete(&tq->shake_end);
}

static struct key *vof_tls_key(struct vof_tcp_queue *tq, const char *what)
{
	key_ref_t ref = keyring_search(make_key_ref(vof_tls_keyring, true),
				       &key_type_user, what, false);

	if (!IS_ERR(ref))
		return key_ref_to_ptr(ref);
	/* One that is not there is -EAGAIN. */
	vof_queue_error(tq->q, -ENOKEY, "no usable key \"%s\" in the keyring .virtio_of", what);
	return NULL;
}

/*
 * Wait for the agent. Nobody calls back afterwards: either the request is withdrawn, or
 * the call is over.
 */
static int vof_tls_wait(struct vof_tcp_queue *tq)
{
	wait_event_timeout(tq->wait, READ_ONCE(tq->shaken) || vof_queue_cancelled(tq->q),
			   VOF_TLS_TIMEOUT);
	if (READ_ONCE(tq->shaken) || !tls_handshake_cancel(tq->sock->sk)) {
		wait_for_completion(&tq->shake_end);
		return tq->shake_err;
	}
	return vof_queue_cancelled(tq->q) ? -ECANCELED : -ETIMEDOUT;
}

/* Does the kernel encrypt and decrypt now? An agent may be mistaken. */
static bool vof_tls_works(struct sock *sk)
{
	const struct tls_context *ctx;

	if (!inet_csk(sk)->icsk_ulp_ops || strcmp(inet_csk(sk)->icsk_ulp_ops->name, "tls"))
		return false;
	ctx = tls_get_ctx(sk);
	return ctx->tx_conf != TLS_BASE && ctx->rx_conf != TLS_BASE;
}

/**
 * vof_tls_handshake() - do the handshake on a connection
 * @tq: the queue, connected, its socket calling nobody
 * @to: the target
 *
 * Context: may sleep, up to VOF_TLS_TIMEOUT; less after vof_tcp_cancel().
 * Return: 0, or a negative errno with the cause reported.
 */
int vof_tls_handshake(struct vof_tcp_queue *tq, const struct vof_target *to)
{
	struct key *key = vof_tls_key(tq, to->tls_psk);
	struct tls_handshake_args args = {
		.ta_sock = tq->sock,
		.ta_done = vof_tls_done,
		.ta_data = tq,
		.ta_timeout_ms = VOF_TLS_TIMEOUT_MS,
		.ta_keyring = key_serial(vof_tls_keyring),
		.ta_num_peerids = 1,
	};
	int ret;

	if (!key)
		return -ENOKEY;
	init_completion(&tq->shake_end);
	args.ta_my_peerids[0] = key_serial(key);
	ret = tls_client_hello_psk(&args, GFP_KERNEL);
	if (!ret)
		ret = vof_tls_wait(tq);
	key_put(key);
	if (ret == -ECANCELED)
		return ret;
	if (ret)
		return vof_tls_failed(tq, ret);
	if (!vof_tls_works(tq->sock->sk)) {
		vof_queue_error(tq->q, -EIO,
				"the agent says that TLS is there, but it is not");
		return -EIO;
	}
	return 0;
}

/**
 * vof_tls_init() - make the keyring, when the module is loaded
 *
 * Keys are put there by who may write to it: root.
 *
 * Context: may sleep.
 * Return: 0 or a negative errno.
 */
int __init vof_tls_init(void)
{
	vof_tls_keyring = keyring_alloc(".virtio_of", GLOBAL_ROOT_UID, GLOBAL_ROOT_GID,
					current_cred(),
					(KEY_POS_ALL & ~KEY_POS_SETATTR) |
					(KEY_USR_ALL & ~KEY_USR_SETATTR),
					KEY_ALLOC_NOT_IN_QUOTA, NULL, NULL);
	return PTR_ERR_OR_ZERO(vof_tls_keyring);
}

/**
 * vof_tls_exit() - remove it, and the keys that are nowhere else
 *
 * Context: may sleep.
 */
void vof_tls_exit(void)
{
	key_revoke(vof_tls_keyring);
	key_put(vof_tls_keyring);
}
