// SPDX-License-Identifier: GPL-2.0
/*
 * The name of this host: the parameter ivqn of the module.
 *
 * It is the default of all directories. The kernel knows nothing that is both the
 * same after every boot and no other host's: vendors ship one UUID many times, host
 * names are all "localhost", and two hosts of one name fence each other for ever. So
 * the name is made in user space, once, and there is none until it comes from there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/string.h>

#include "opts.h"

/* Under kernel_param_lock(); empty: there is none. */
static char vof_ivqn[VIRTIO_OF_VQN_SIZE];

/**
 * vof_text_plain() - can a text be shown as it is?
 * @text: the text
 * @count: its length
 *
 * Control characters cannot: it goes to logs, terminals and the environment of programs.
 *
 * Context: any.
 */
bool vof_text_plain(const char *text, size_t count)
{
	for (; count--; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/**
 * vof_text_copy() - take a line of text over, if it fits and can be shown
 * @dst: where to; stays as it was on an error
 * @size: bytes there
 * @text: what was written, maybe with a newline behind it
 * @count: its length
 *
 * Context: any.
 * Return: 0, -ENAMETOOLONG, -EINVAL for a control character.
 */
int vof_text_copy(char *dst, size_t size, const char *text, size_t count)
{
	if (count && text[count - 1] == '\n')
		count--;
	if (count >= size)
		return -ENAMETOOLONG;
	if (!vof_text_plain(text, count))
		return -EINVAL;
	memcpy(dst, text, count);
	dst[count] = '\0';
	return 0;
}

/**
 * vof_ivqn_default() - the name of this host
 * @ivqn: out, VIRTIO_OF_VQN_SIZE bytes: the name, empty if there is none
 *
 * Context: may sleep.
 */
void vof_ivqn_default(char *ivqn)
{
	kernel_param_lock(THIS_MODULE);
	strscpy(ivqn, vof_ivqn, VIRTIO_OF_VQN_SIZE);
	kernel_param_unlock(THIS_MODULE);
}

static int vof_ivqn_set(const char *val, const struct kernel_param *kp)
{
	int ret = vof_text_copy(vof_ivqn, sizeof(vof_ivqn), val, strlen(val));

	if (ret == -ENAMETOOLONG)
		pr_err("parameter ivqn: at most %zu bytes (%pe)\n",
		       sizeof(vof_ivqn) - 1, ERR_PTR(ret));
	else if (ret)
		pr_err("parameter ivqn: control character (%pe)\n", ERR_PTR(ret));
	return ret;
}

static int vof_ivqn_get(char *page, const struct kernel_param *kp)
{
	return sysfs_emit(page, "%s\n", vof_ivqn);
}

static const struct kernel_param_ops vof_ivqn_ops = {
	.set	= vof_ivqn_set,
	.get	= vof_ivqn_get,
};

module_param_cb(ivqn, &vof_ivqn_ops, NULL, 0644);
MODULE_PARM_DESC(ivqn, "Name of this host, which no other has; default of the attribute ivqn");
