/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The version of the modules: what the file VERSION says, which Kbuild reads; in the kernel's
 * own tree the version of the kernel.
 */
#ifndef _VIRTIO_OF_VERSION_H
#define _VIRTIO_OF_VERSION_H

#ifndef VOF_VERSION
#include <generated/utsrelease.h>

#define VOF_VERSION	UTS_RELEASE
#endif

#endif /* _VIRTIO_OF_VERSION_H */
