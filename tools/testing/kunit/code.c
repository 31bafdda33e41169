// SPDX-License-Identifier: GPL-2.0
/*
 * What the unit tests test: the modules keep it to themselves, and exporting it
 * for tests would make it an interface.
 */
#include <linux/module.h>

#include "../../../drivers/virtio_of/ring.c"
#include "../../../drivers/virtio_of/rdma/eager.c"

MODULE_DESCRIPTION("Virtio over Fabrics initiator: unit tests");
MODULE_LICENSE("GPL");
