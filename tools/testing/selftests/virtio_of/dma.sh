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

# Both kinds of bounce buffers: with the page's offset kept, and without.
for keep in 1 0; do
	check "an adapter with a DMA device (keep_offset=$keep)" \
		adapter modprobe virtio_of_dma keep_offset=$keep
	before=$(mapped)
	check "the connection manager uses it" [ "$before" -gt 0 ]
	[ $keep = 0 ] || barrier up
	# The first packets over a new adapter may be lost.
	for ((i = 0; i < 50; i++)); do
		vof_connect d0 tvqn=disk0 >/dev/null && break
		vof_disconnect d0
		sleep 0.2
	done
	is "connect" "$(vof_get d0 state)" live
	check "connect, without eager buffers" vof_connect d1 tvqn=disk1
	check "there are copies" \
		[ "$(cat /sys/kernel/debug/swiotlb/io_tlb_used)" -gt 1000 ]
	some_io d0
	some_io d1
	VOF_LOAD_TIME=6 verified_load "$(vof_disk d0)"
	vof_set d0 reconnect 1
	check "a new link" vof_wait_reconnects d0 1
	verified_load_ends "a link replaced under load"
	is "no error" "$(vof_get d1 last_error)" ""
	check "disconnect" vof_disconnect d0
	check "disconnect" vof_disconnect d1
	for ((i = 0; i < 50; i++)); do
		[ "$(mapped)" -gt "$before" ] || break
		sleep 0.1
	done
	check "no mapping of ours is left ($(mapped), $before)" [ "$(mapped)" -le "$before" ]
	check "an adapter without a DMA device" adapter rmmod virtio_of_dma
done
is "the checks of the DMA API still watch" "$(cat $api/disabled)" N
is "and have nothing to say" "$(cat $api/error_count)" 0
barrier "done"
finish
