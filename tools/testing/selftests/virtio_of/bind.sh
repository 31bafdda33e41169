#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The driver of a device comes and goes: bound while there is no link it waits for one,
# no longer than requests do; enable says so when there is no driver.
# timeout: 200
# smp: 2
# kernels: 6.1 6.12 debug
. "$(dirname "$0")/lib.sh"

truncate -s 32M "$VOF_TMP/image"
serve_image() { start_target --blk "tvqn=disk0,file=$VOF_TMP/image,queues=2"; }

# outage: without a driver and without a target.
outage()
{
	check "$1: unbind" vof_bind unbind "$(vof_get d0 device)"
	kill_target
	check "$1: recovering" vof_wait_state d0 recovering 20
}

# in_background COMMAND...: for ends and waits_on.
in_background()
{
	"$@" 2>"$VOF_TMP/binder" &
	binder=$!
}

waits_on()
{
	sleep 2
	check "$1: it waits" kill -0 "$binder"
}

# ends WHAT: within 20 s; leaves the exit status in $status.
ends()
{
	local i
	for ((i = 0; i < 200; i++)); do
		kill -0 "$binder" 2>/dev/null || break
		sleep 0.1
	done
	check_not "$1: it ends" kill -0 "$binder"
	wait "$binder"
	status=$?
}

works()
{
	check "$1: the disk works" vof_fio filename="$(vof_disk d0)" rw=randwrite \
		bs=4k size=8m io_size=512k iodepth=8 verify=crc32c
}

serve_image
check "connect" vof_connect d0 tvqn=disk0 reconnect_delay=1
vof_disk d0 >/dev/null

what="bind in an outage"
outage "$what"
in_background vof_bind bind "$(vof_get d0 device)"
waits_on "$what"
serve_image
ends "$what"
is "$what: it succeeds" $status 0
works "$what"

# The debug kernel has the driver built in.
driver_is_module() { [[ $(uname -r) != *-debug ]]; }

if driver_is_module; then
	what="modprobe in an outage"
	check "$what: rmmod" rmmod virtio_blk
	kill_target
	check "$what: recovering" vof_wait_state d0 recovering 20
	in_background modprobe virtio_blk
	waits_on "$what"
	serve_image
	ends "$what"
	is "$what: it succeeds" $status 0
	works "$what"
fi

what="fast_io_fail_tmo"
outage "$what"
in_background vof_bind bind "$(vof_get d0 device)"
waits_on "$what"
vof_set d0 fast_io_fail_tmo 0
ends "$what"
is "$what: bind fails" $status 1
is "$what: still recovering" "$(vof_get d0 state)" recovering
vof_set d0 fast_io_fail_tmo -1
serve_image
check "$what: live again" vof_wait_state d0 live 20
check "$what: bind" vof_bind bind "$(vof_get d0 device)"
works "$what"

what="ctrl_loss_tmo"
outage "$what"
in_background vof_bind bind "$(vof_get d0 device)"
waits_on "$what"
vof_set d0 ctrl_loss_tmo 0
ends "$what"
is "$what: bind fails" $status 1
check "$what: failed" vof_wait_state d0 failed 20
check_not "$what: bind fails at once" timeout 5 bash -c \
	"echo $(vof_get d0 device) >/sys/bus/virtio/drivers/virtio_blk/bind"
vof_set d0 ctrl_loss_tmo 600
serve_image
vof_set d0 reconnect 1
check "$what: live again" vof_wait_state d0 live 20
check "$what: bind" vof_bind bind "$(vof_get d0 device)"
works "$what"

what="a signal that kills"
outage "$what"
in_background bash -c "echo $(vof_get d0 device) >/sys/bus/virtio/drivers/virtio_blk/bind"
waits_on "$what"
kill -KILL "$binder"
ends "$what"

what="disable"
in_background vof_bind bind "$(vof_get d0 device)"
waits_on "$what"
within 5 "$what while bind waits" vof_set d0 enable 0
ends "$what"
is "$what: bind fails" $status 1

# bad BEHAVIOUR PORT: a target that takes its link from a driver that is bound anew. The
# device is "b", unbound.
bad()
{
	start_bad_target "$1" "$2"
	check "$what: connect" vof_connect b "trsvcid=$2" tvqn=bad reconnect_delay=1
	vof_disk b >/dev/null
	device=$(vof_get b device)
	check "$what: unbind" vof_bind unbind "$device"
}

bad_works()
{
	check "$what: bind" vof_bind bind "$device"
	check "$what: the disk works" vof_fio filename="$(vof_disk b)" rw=randwrite bs=4k \
		size=8m io_size=512k iodepth=8 verify=crc32c
	vof_disconnect b
	stop_target
}

# It has chosen what the target that comes back does not have.
what="features lost during bind"
bad bind=less 7001
is "$what: bind fails" "$(vof_errno "$(vof_bind bind "$device" 2>&1)")" ENODEV
is "$what: last_error" "$(vof_get b last_error)" \
	"the target came back without the features 0x200 while a driver was being bound"
is "$what: live" "$(vof_get b state)" live
bad_works

# It has waited in vain, and started with a capacity of nothing.
what="a driver that was told nothing"
bad bind=blind 7002
vof_set b fast_io_fail_tmo 0
check "$what: bind succeeds" vof_bind bind "$device"
check "$what: failed with the next link" vof_wait_state b failed 20
is "$what: last_error" "$(vof_get b last_error)" \
	"the driver was bound while the link was lost, and has to be bound again"
check "$what: unbind" vof_bind unbind "$device"
vof_set b fast_io_fail_tmo -1
vof_set b reconnect 1
check "$what: live again" vof_wait_state b live 20
bad_works

driver_is_module || finish

# Without a driver there is no disk: not what was asked for.
serve_image
what="no driver"
check "$what: rmmod" rmmod virtio_blk
module=$(find "/lib/modules/$(uname -r)/" -name 'virtio_blk.ko*')
check "$what: the module $module goes" mv "$module" "$VOF_TMP/hidden"
is "$what: enable fails" "$(vof_set d0 enable 1)" ENODEV
like "$what: last_error" "$(vof_get d0 last_error)" \
	"no driver has taken the device: load the module virtio_blk"
is "$what: state" "$(vof_get d0 state)" disabled
mv "$VOF_TMP/hidden" "$module"
check "the driver is there again: enable" vof_set d0 enable 1
works "the driver is there again"
finish
