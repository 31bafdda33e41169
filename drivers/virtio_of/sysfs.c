// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs: the directory vof of a virtio device, which says what it is and what it has done.
 *
 * It is there from before the driver is asked until before it goes, and so for as long as
 * the device can be looked at: to remove it is to wait for readers. So nobody who reads here
 * waits for anything that who takes the device down may hold: the directory of configfs, or
 * the connections.
 */
#include <linux/sysfs.h>

#include "device.h"

static struct vof_device *vof_sysfs_device(struct device *d)
{
	return to_vof_device(dev_to_virtio(d));
}

static ssize_t name_show(struct device *d, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", vof_sysfs_device(d)->opts.name);
}
static DEVICE_ATTR_RO(name);

static ssize_t tvqn_show(struct device *d, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", vof_sysfs_device(d)->opts.tvqn);
}
static DEVICE_ATTR_RO(tvqn);

static ssize_t ivqn_show(struct device *d, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", vof_sysfs_device(d)->opts.ivqn);
}
static DEVICE_ATTR_RO(ivqn);

static ssize_t transport_show(struct device *d, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%s\n", vof_sysfs_device(d)->opts.ops->name);
}
static DEVICE_ATTR_RO(transport);

static ssize_t address_show(struct device *d, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  READ_ONCE(vof_sysfs_device(d)->link.report.where));
}
static DEVICE_ATTR_RO(address);

static ssize_t state_show(struct device *d, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", vof_state_name(vof_state(vof_sysfs_device(d))));
}
static DEVICE_ATTR_RO(state);

static ssize_t reconnects_show(struct device *d, struct device_attribute *attr,
			       char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(vof_sysfs_device(d)->reconnects));
}
static DEVICE_ATTR_RO(reconnects);

static ssize_t replayed_show(struct device *d, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(vof_sysfs_device(d)->replayed));
}
static DEVICE_ATTR_RO(replayed);

static void vof_sysfs_sum(struct device *d, struct vof_counts *sums)
{
	vof_count_sum(&vof_sysfs_device(d)->link.group, sums);
}

static ssize_t requests_show(struct device *d, struct device_attribute *attr, char *buf)
{
	struct vof_counts sums;

	vof_sysfs_sum(d, &sums);
	return sysfs_emit(buf, "%llu\n", sums.requests);
}
static DEVICE_ATTR_RO(requests);

static ssize_t failed_show(struct device *d, struct device_attribute *attr, char *buf)
{
	struct vof_counts sums;

	vof_sysfs_sum(d, &sums);
	return sysfs_emit(buf, "%llu\n", sums.failed);
}
static DEVICE_ATTR_RO(failed);

static ssize_t bytes_read_show(struct device *d, struct device_attribute *attr, char *buf)
{
	struct vof_counts sums;

	vof_sysfs_sum(d, &sums);
	return sysfs_emit(buf, "%llu\n", sums.bytes_read);
}
static DEVICE_ATTR_RO(bytes_read);

static ssize_t bytes_written_show(struct device *d, struct device_attribute *attr,
				  char *buf)
{
	struct vof_counts sums;

	vof_sysfs_sum(d, &sums);
	return sysfs_emit(buf, "%llu\n", sums.bytes_written);
}
static DEVICE_ATTR_RO(bytes_written);

static struct attribute *vof_sysfs_attrs[VOF_SYSFS_ATTRS] = {
	&dev_attr_name.attr,
	&dev_attr_tvqn.attr,
	&dev_attr_ivqn.attr,
	&dev_attr_transport.attr,
	&dev_attr_address.attr,
	&dev_attr_state.attr,
	&dev_attr_reconnects.attr,
	&dev_attr_replayed.attr,
	&dev_attr_requests.attr,
	&dev_attr_failed.attr,
	&dev_attr_bytes_read.attr,
	&dev_attr_bytes_written.attr,
};

/* What the fabric counts, under the names that it has for it. */
static ssize_t vof_sysfs_counter_show(struct device *d, struct device_attribute *attr,
				      char *buf)
{
	unsigned int i = attr - vof_sysfs_device(d)->sysfs.counters;
	struct vof_counts sums;

	vof_sysfs_sum(d, &sums);
	return sysfs_emit(buf, "%llu\n", sums.fabric[i]);
}

/**
 * vof_sysfs_init() - see to it that a new device gets its directory
 * @dev: the device, not yet on the virtio bus, with its options
 */
void vof_sysfs_init(struct vof_device *dev)
{
	const char * const *names = dev->opts.ops->counters;
	struct vof_sysfs *s = &dev->sysfs;
	unsigned int i;

	memcpy(s->attrs, vof_sysfs_attrs, sizeof(vof_sysfs_attrs));
	for (i = 0; names && i < VOF_FABRIC_COUNTERS && names[i]; i++) {
		struct device_attribute *counter = &s->counters[i];

		sysfs_attr_init(&counter->attr);
		counter->attr.name = names[i];
		counter->attr.mode = 0444;
		counter->show = vof_sysfs_counter_show;
		s->attrs[VOF_SYSFS_ATTRS + i] = &counter->attr;
	}
	s->group.name = VOF_SYSFS_GROUP;
	s->group.attrs = s->attrs;
	s->groups[0] = &s->group;
	dev->vdev.dev.groups = s->groups;
}
