// SPDX-License-Identifier: GPL-2.0
/*
 * A device instance at the target: what it takes until it is what the virtio
 * driver here believes in.
 *
 * The first instance is asked what it is, and the driver does the rest by itself.
 * Each one that replaces it, after the link was lost, starts from nothing. It
 * has to turn out to be the same device and is then given everything that the
 * driver has told the one before: features, configuration, virtqueues, status.
 *
 * What the driver was told, and which device it was, counts for as long as that driver
 * is bound. Another device than that gets nothing, for good (-ESTALE). The same one may
 * lack something for the moment, while its target starts, say: that is a failed
 * attempt, and others follow (-EREMCHG).
 */
#include <linux/string_helpers.h>

#include "link.h"

/* The name of a device in words. */
#define VOF_INSTANCE_NAME	(4 * VOF_IDENTITY_SIZE + 1)

/* How commands travel: Virtio-oF features, and what the fabric makes of them. */
static int vof_instance_fabric(struct vof_link *link, bool bound)
{
	u64 features;
	int ret;

	ret = vof_ctrl_get_feature(link, &features);
	if (ret)
		return ret;
	features &= link->group.fabric->features;
	if (features) {
		ret = vof_ctrl_set_feature(link, features);
		if (ret)
			return ret;
	}
	return vof_queue_negotiated(link->group.ctrl, features, bound);
}

static int vof_instance_device_features(struct vof_link *link, u64 *features)
{
	int ret = vof_ctrl_get_device_feature(link, features);

	if (!ret)
		*features &= ~link->group.type->bad_features;
	return ret;
}

/* Is there anything in its configuration that the driver could only fail at? */
static int vof_instance_fits(struct vof_link *link)
{
	const struct vof_type_field *field = link->group.type->fields;
	int ret;

	for (; field && field->what; field++) {
		u64 val, takes;

		if (!field->nearest ||
		    !(link->device_features & BIT_ULL(field->feature)))
			continue;
		ret = vof_ctrl_get_config(link, field->offset, field->bytes, &val);
		if (ret)
			return ret;
		takes = field->nearest(val);
		if (takes == val)
			continue;
		vof_link_error(link, -EOPNOTSUPP,
			       "the device has a %s of %llu, which this kernel does not take, unlike %llu",
			       field->what, val, takes);
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * vof_instance_negotiate() - ask a first instance what it is
 * @link: the link, its control queue connected
 *
 * Context: may sleep, bounded.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_instance_negotiate(struct vof_link *link)
{
	int ret;

	ret = vof_instance_fabric(link, false);
	if (ret)
		return ret;
	ret = vof_ctrl_get_device_id(link, &link->device_id);
	if (ret)
		return ret;
	if (!link->device_id) {
		vof_link_error(link, -ENODEV, "device id 0 means no device");
		return -ENODEV;
	}
	link->group.type = vof_type_find(link->device_id);
	if (!link->group.type) {
		vof_link_error(link, -EOPNOTSUPP, "devices of type %u %s",
			       link->device_id,
			       vof_type_refused(link->device_id));
		return -EOPNOTSUPP;
	}
	WRITE_ONCE(link->limit.prompt, link->group.type->prompt);
	ret = vof_ctrl_get_vendor_id(link, &link->vendor_id);
	if (ret)
		return ret;
	ret = vof_instance_device_features(link, &link->device_features);
	if (ret)
		return ret;
	if (!(link->device_features & BIT_ULL(VIRTIO_F_VERSION_1))) {
		vof_link_error(link, -EPROTO, "the target does not offer VERSION_1");
		return -EPROTO;
	}
	ret = vof_instance_fits(link);
	return ret ?: vof_bounds_negotiate(link);
}

/*
 * Say what the device lacks that the driver builds upon; returns -EREMCHG. It may have
 * it again the next time.
 */
static int vof_instance_differs(struct vof_link *link, const char *what,
				u64 was, u64 is)
{
	vof_link_error(link, -EREMCHG,
		       "the target came back changed: %s was %llu, is %llu",
		       what, was, is);
	return -EREMCHG;
}

/* The driver has started with what it was not told; returns -ESTALE. */
static int vof_instance_blind(struct vof_link *link)
{
	vof_link_error(link, -ESTALE,
		       "the driver was bound while the link was lost, and has to be bound again");
	return -ESTALE;
}

/* Is it the same device, with all that the driver has accepted of it? */
static int vof_instance_compare(struct vof_link *link)
{
	u64 features, lacks, tells;
	u32 id;
	int ret;

	ret = vof_ctrl_get_device_id(link, &id);
	if (ret)
		return ret;
	if (id != link->device_id) {
		vof_link_error(link, -ESTALE,
			       "the target came back as another device: device id was %u, is %u",
			       link->device_id, id);
		return -ESTALE;
	}
	ret = vof_instance_device_features(link, &features);
	if (ret)
		return ret;
	link->device_features = features;
	lacks = link->driver_features & ~features;
	if (!vof_link_in_use(link)) {
		/* A driver that is being bound has chosen what is gone: not to be started. */
		if (lacks) {
			link->driver_features = 0;
			WRITE_ONCE(link->blind, true);
		}
		return 0;
	}
	if (lacks) {
		vof_link_error(link, -EREMCHG,
			       "the target came back changed: without the features %#llx",
			       lacks);
		return -EREMCHG;
	}
	tells = features & ~link->driver_features & link->group.type->telling_features;
	if (tells) {
		vof_link_error(link, -EREMCHG,
			       "the target came back changed: with the features %#llx",
			       tells);
		return -EREMCHG;
	}
	return 0;
}

/* Has a field a meaning, and does the driver know its value? */
static bool vof_instance_has_field(const struct vof_link *link,
				   const struct vof_type_field *field)
{
	if (field->feature && !(link->driver_features & BIT_ULL(field->feature)))
		return false;
	return find_next_zero_bit(link->config_known, VOF_CONFIG_CACHE,
				  field->offset) >= field->offset + field->bytes;
}

/* Does its configuration keep what the driver has built upon? */
static int vof_instance_compare_config(struct vof_link *link)
{
	const struct vof_type_field *field = link->group.type->fields;
	int ret;

	for (; field && field->what; field++) {
		u64 was = 0, is;
		__le64 raw;

		if (!vof_instance_has_field(link, field))
			continue;
		memcpy(&was, link->config + field->offset, field->bytes);
		was = le64_to_cpu((__force __le64)was);
		ret = vof_ctrl_get_config(link, field->offset, field->bytes, &is);
		if (ret)
			return ret;
		raw = cpu_to_le64(is);
		vof_bounds_config(link, field->offset, &raw, field->bytes);
		is = le64_to_cpu(raw);
		if (is < was || (is != was && field->fixed))
			return vof_instance_differs(link, field->what, was, is);
		if (is != was)
			WRITE_ONCE(link->changed, true);
	}
	return 0;
}

/*
 * What the driver has written into the configuration, byte by byte, or would have
 * written had it not read it so. What the target refuses, perhaps written while
 * there was no link, is reported and forgotten: to try it again would never end.
 */
static int vof_instance_set_config(struct vof_link *link)
{
	const struct vof_type_field *field = link->group.type->fields;
	unsigned int i;
	int ret;

	for (; field && field->what; field++)
		if (field->set && vof_instance_has_field(link, field))
			bitmap_set(link->config_set, field->offset, field->bytes);

	for_each_set_bit(i, link->config_set, VOF_CONFIG_CACHE) {
		ret = vof_ctrl_set_config(link, i, 1, link->config[i]);
		if (ret && !vof_link_up(link))
			return ret;
		if (ret)
			clear_bit(i, link->config_set);
	}
	return 0;
}

static int vof_instance_keep_config(struct vof_link *link)
{
	int ret = vof_instance_set_config(link);

	return ret ?: vof_instance_compare_config(link);
}

/* Ask which device it is. One that does not say is one without a name. */
static int vof_instance_ask(struct vof_link *link, struct vof_identity *id)
{
	struct vof_queue *q = link->nvqs ? link->vqs[0] : NULL;
	u8 out[VOF_QUESTION_OUT], in[VOF_QUESTION_IN] = {};
	u32 out_len, in_len, written = 0;
	int ret;

	BUILD_BUG_ON(sizeof(out) + sizeof(in) > VOF_BODY_VQ);
	*id = (struct vof_identity) { .asked = true };
	if (!q || !link->group.type->question)
		return 0;
	out_len = link->group.type->question(out, &in_len);
	ret = vof_exec_ask(q, out, out_len, in, in_len, &written);
	if (!ret)
		link->group.type->identity(in, written, id);
	return ret;
}

/* It comes from the wire and goes to logs and terminals: plain ASCII it shall be. */
static void vof_instance_name(const struct vof_identity *id, char *name)
{
	int n = string_escape_mem(id->text, id->len, name, VOF_INSTANCE_NAME - 1,
				  ESCAPE_HEX | ESCAPE_NAP | ESCAPE_APPEND, "\"\\");

	name[min(n, VOF_INSTANCE_NAME - 1)] = '\0';
}

/*
 * Is it the device that the driver has to do with? Nothing of the driver's was sent to
 * this instance so far, and nothing is if it is another one (decisions 45). One that
 * has a name only sometimes is not shown to be the same, but may say so the next time.
 */
static int vof_instance_identify(struct vof_link *link)
{
	struct vof_identity *was = &link->identity, is;
	char old[VOF_INSTANCE_NAME], new[VOF_INSTANCE_NAME];
	int ret;

	ret = vof_instance_ask(link, &is);
	if (ret)
		return ret;
	if (!was->asked)
		*was = is;
	if (is.len == was->len && !memcmp(is.text, was->text, is.len))
		return 0;
	vof_instance_name(was, old);
	vof_instance_name(&is, new);
	if (is.len && was->len) {
		vof_link_error(link, -ESTALE,
			       "the target came back with another disk: its serial was \"%s\", is \"%s\"",
			       old, new);
		return -ESTALE;
	}
	if (is.len)
		vof_link_error(link, -EREMCHG,
			       "the target came back changed: there was no serial, now it is \"%s\"",
			       new);
	else
		vof_link_error(link, -EREMCHG,
			       "the target came back changed: the serial was \"%s\", now there is none",
			       old);
	return -EREMCHG;
}

static int vof_instance_open_queues(struct vof_link *link)
{
	unsigned int i;
	u16 size;
	int ret;

	for (i = 0; i < link->nvqs; i++) {
		struct vof_queue *q = link->vqs[i];

		if (!q)
			continue;
		ret = vof_ctrl_get_vq_size(link, q->index, &size);
		if (ret == -ENOENT)
			size = 0;
		else if (ret)
			return ret;
		if (size < q->size)
			return vof_instance_differs(link, "size of a virtqueue",
						    q->size, size);
		ret = vof_queue_open(q);
		if (ret)
			return ret;
	}
	return 0;
}

/* Set the driver's status as far as @mask. */
static int vof_instance_status(struct vof_link *link, u8 mask)
{
	return vof_ctrl_set_status(link, link->status & mask);
}

/**
 * vof_instance_restore() - make a new instance take the place of the last one
 * @link: the link, with a new control queue connected; all virtqueues closed
 *
 * The virtqueues are connected when it returns 0, but nothing has been sent on
 * them.
 *
 * Context: may sleep, bounded; the device's vq_lock is held.
 * Return: 0 or a negative errno; the cause has been reported. -ESTALE: it is another
 * device, to which nothing must be sent.
 */
int vof_instance_restore(struct vof_link *link)
{
	u8 mask = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	u32 status;
	int ret;

	lockdep_assert_held(&link->vq_lock);
	if (link->blind && link->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return vof_instance_blind(link);
	ret = vof_instance_fabric(link, vof_link_in_use(link));
	if (!ret)
		ret = vof_instance_compare(link);
	if (!ret)
		ret = vof_bounds_restore(link);
	if (ret)
		return ret;
	/* No driver, or one that has reset the device or failed: no more to it. */
	if (!link->status || link->status & VIRTIO_CONFIG_S_FAILED)
		return 0;

	ret = vof_instance_status(link, mask);
	mask |= VIRTIO_CONFIG_S_DRIVER;
	if (!ret)
		ret = vof_instance_status(link, mask);
	if (!ret && link->driver_features)
		ret = vof_ctrl_set_driver_feature(link, link->driver_features);
	if (ret)
		return ret;
	if (link->status & VIRTIO_CONFIG_S_FEATURES_OK) {
		mask |= VIRTIO_CONFIG_S_FEATURES_OK;
		ret = vof_instance_status(link, mask);
		if (!ret)
			ret = vof_ctrl_get_status(link, &status);
		if (ret)
			return ret;
		if (!(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
			vof_link_error(link, -EREMCHG,
				       "the target does not accept the features %#llx any more",
				       link->driver_features);
			return -EREMCHG;
		}
	}
	if (!ret && vof_link_in_use(link))
		ret = vof_instance_keep_config(link);
	if (!ret)
		ret = vof_instance_open_queues(link);
	if (!ret)
		ret = vof_instance_status(link, 0xff);
	/* The target serves no virtqueue before. */
	if (!ret && link->status & VIRTIO_CONFIG_S_DRIVER_OK)
		ret = vof_instance_identify(link);
	return ret;
}

/**
 * vof_instance_ready() - may the driver be served by this instance?
 * @link: the link, which has just been told DRIVER_OK; nothing was sent on its
 *	virtqueues
 *
 * A new driver learns which device it has to do with. One that was ready before, and
 * has reset the device since, comes back to the one that it knows.
 *
 * Context: may sleep, bounded; the device's vq_lock is held.
 * Return: 0 or a negative errno; the cause has been reported.
 */
int vof_instance_ready(struct vof_link *link)
{
	int ret = 0;

	lockdep_assert_held(&link->vq_lock);
	if (link->blind)
		return vof_instance_blind(link);
	if (link->identity.asked)
		ret = vof_instance_keep_config(link);
	if (!ret)
		ret = vof_instance_identify(link);
	return ret;
}

/**
 * vof_instance_forget() - a new driver builds upon nothing that was before
 * @link: the link
 *
 * Context: the device's vq_lock is held.
 */
void vof_instance_forget(struct vof_link *link)
{
	lockdep_assert_held(&link->vq_lock);
	memset(link->config, 0, sizeof(link->config));
	bitmap_zero(link->config_known, VOF_CONFIG_CACHE);
	bitmap_zero(link->config_set, VOF_CONFIG_CACHE);
	link->identity = (struct vof_identity) {};
}
