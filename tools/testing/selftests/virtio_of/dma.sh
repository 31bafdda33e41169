#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Data comes back as written where the adapter needs DMA mappings, and each of them is a
# copy: what is not mapped, synced and unmapped as it should be is not there. Soft-RoCE
# needs none: a module gives it a DMA device. The kernel's checks of the DMA API watch.
# nodes: target initiator
# kernels: debug
# ci: debug
# guest: --append=swiotlb=65536,force
# timeout: 120
. "$(dirname "$0")/lib.sh"

! on_node target || serve --blk tvqn=disk0,mem=32M,queues=1 \
	--blk tvqn=disk1,mem=32M,queues=1,eager=0

api=/sys/kernel/debug/dma-api
# What the kernel knows to be mapped for the adapter; its connection manager has
# receives posted.
mapped() { grep -c ' virtio_of_dma ' $api/dump; }

# The adapter, with a DMA device or without, where it can be reached again.
adapter()
{
	rdma link delete "${VOF_RDMA}0" && { [ -z "${1-}" ] || "$@"; } &&
		rdma link add "${VOF_RDMA}0" type "$VOF_RDMA" netdev "$VOF_DEV"
}

# some_io NAME: small ones are copied, large ones registered; 512 bytes into a page
# there are both.
some_io()
{
	local disk
	disk=$(vof_disk "$1")
	check "$1: blocks of 512 to 8k" vof_fio filename="$disk" rw=randrw \
		bsrange=512-8k size=16m io_size=1m iodepth=16 verify=crc32c
	check "$1: blocks of 64k and more" vof_fio filename="$disk" rw=randrw \
		bsrange=64k-1m blockalign=64k size=16m io_size=6m iodepth=4 verify=crc32c
	check "$1: buffers at odd addresses" vof_fio filename="$disk" rw=randrw \
		bsrange=4k-128k size=16m io_size=3m iodepth=8 verify=crc32c mem_align=512
	check "$1: vectors at odd addresses" vof-vecio "$disk" 4
}

# vof_wait_reconnects NAME COUNT: the link has been replaced so often.
vof_wait_reconnects()
{
	local i
	for ((i = 0; i < 300; i++)); do
		[ "$(vof_get "$1" reconnects)" -lt "$2" ] || return 0
		sleep 0.1
	done
	return 1
}

# with_adapter DISK KEEP: an adapter that keeps a mapping's offset within the page, as an
# IOMMU does, or one that does not, as bounce buffers alone do; and I/O through it.
with_adapter()
{
	local disk=$1 keep=$2 before i
	check "an adapter with a DMA device (keep_offset=$keep)" \
		adapter modprobe virtio_of_dma "keep_offset=$keep"
	before=$(mapped)
	check "the connection manager uses it" [ "$before" -gt 0 ]
	# The first packets over a new adapter may be lost.
	check "the device can be configured" vof_make "$disk" "tvqn=$disk"
	for ((i = 0; i < 50; i++)); do
		vof_set "$disk" enable 1 >/dev/null && break
		sleep 0.2
	done
	is "$disk: connected" "$(vof_get "$disk" state)" live
	check "there are copies" \
		[ "$(cat /sys/kernel/debug/swiotlb/io_tlb_used)" -gt 1000 ]
	some_io "$disk"
	VOF_LOAD_TIME=6 verified_load "$(vof_disk "$disk")"
	vof_set "$disk" reconnect 1
	check "$disk: a new link" vof_wait_reconnects "$disk" 1
	verified_load_ends "$disk: a link replaced under load"
	check "disconnect" vof_disconnect "$disk"
	for ((i = 0; i < 50; i++)); do
		[ "$(mapped)" -gt "$before" ] || break
		sleep 0.1
	done
	check "no mapping of ours is left ($(mapped), $before before)" \
		[ "$(mapped)" -le "$before" ]
	check "an adapter without a DMA device" adapter rmmod virtio_of_dma
}

barrier up
with_adapter disk0 1
with_adapter disk1 0
is "the checks of the DMA API still watch" "$(cat $api/disabled)" N
is "and have nothing to say" "$(cat $api/error_count)" 0
barrier "done"
finish
