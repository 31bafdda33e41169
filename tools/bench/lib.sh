# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What every benchmark's guest script sources. Results are lines that begin with
# "@" and a space and go on in words; tools/bench/bench reads them, the rest of
# what is printed is for people.

set -eu -o pipefail

configfs=/sys/kernel/config
vof=$configfs/virtio_of
tmp=/tmp/bench
mkdir -p $tmp

result() { echo "@ $*"; }

die() { echo "$0: $*" >&2; exit 1; }

# Until a command succeeds: 20 seconds.
wait_for()
{
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" && return 0
		sleep 0.1
	done
	die "waited in vain: $*"
}

# ---- virtio_of --------------------------------------------------------------

# start_target TRANSPORT ARGUMENTS...: leaves the process id in TARGET.
start_target()
{
	local transport=$1
	shift
	# Here, not by what runs beside: else the last target's line may be found.
	: >$tmp/target.log
	virtio-of-target --listen "$transport://$VOF_ADDR" "$@" >>$tmp/target.log 2>&1 9>&- &
	TARGET=$!
	wait_for grep -q listening $tmp/target.log
}

stop_target() { kill "$TARGET"; wait "$TARGET"; }

# vof_connect NAME TVQN ADDRESS [TRANSPORT]: leaves the disk in DISK.
vof_connect()
{
	local d
	[ -d "/sys/module/virtio_of_${4-rdma}" ] || modprobe "virtio_of_${4-rdma}"
	mkdir "$vof/$1"
	echo "${4-rdma}" >"$vof/$1/transport"
	echo "$3" >"$vof/$1/traddr"
	echo "$2" >"$vof/$1/tvqn"
	echo 1 >"$vof/$1/enable"
	d=$(cat "$vof/$1/device")
	wait_for compgen -G "/sys/bus/virtio/devices/$d/block/*" >/dev/null
	d=$(echo "/sys/bus/virtio/devices/$d/block"/*)
	DISK=/dev/${d##*/}
	wait_for test -b "$DISK"
	prepare_disk
}

vof_disconnect() { echo 2 >"$vof/$1/enable"; rmdir "$vof/$1"; }

# ---- nvmet ------------------------------------------------------------------

nvmet=$configfs/nvmet

# null_disk MEGABYTES: a null_blk with memory, in blocks of a page, which is what
# costs it least; leaves it in NULL_DISK.
null_disk()
{
	local d=$configfs/nullb/nullb0
	[ -d /sys/module/null_blk ] || modprobe null_blk nr_devices=0
	mkdir "$d"
	echo "$1" >"$d/size"
	echo 4096 >"$d/blocksize"
	echo 1 >"$d/memory_backed"
	echo 0 >"$d/irqmode"
	echo 1 >"$d/power"
	NULL_DISK=/dev/nullb0
	wait_for test -b "$NULL_DISK"
}

null_disk_gone()
{
	echo 0 >$configfs/nullb/nullb0/power
	rmdir $configfs/nullb/nullb0
}

# The multipath layer would be one more between fio and the driver, at 3,000 to 9,000
# instructions per I/O. The target needs this module too.
nvme_core() { [ -d /sys/module/nvme_core ] || modprobe nvme_core multipath=N; }

# nvmet_serve TRANSPORT PORT DISK
nvmet_serve()
{
	local s=$nvmet/subsystems/bench p=$nvmet/ports/$2
	nvme_core
	modprobe "nvmet-$1"
	if [ ! -d "$s" ]; then
		mkdir "$s"
		echo 1 >"$s/attr_allow_any_host"
		mkdir "$s/namespaces/1"
		echo "$3" >"$s/namespaces/1/device_path"
		echo 1 >"$s/namespaces/1/enable"
	fi
	mkdir "$p"
	echo "$1" >"$p/addr_trtype"
	echo ipv4 >"$p/addr_adrfam"
	echo "$VOF_ADDR" >"$p/addr_traddr"
	echo "$2" >"$p/addr_trsvcid"
	ln -s "$s" "$p/subsystems/bench"
}

# nvmet_gone PORT...
nvmet_gone()
{
	local port
	for port; do
		rm "$nvmet/ports/$port/subsystems/bench"
		rmdir "$nvmet/ports/$port"
	done
	echo 0 >$nvmet/subsystems/bench/namespaces/1/enable
	rmdir $nvmet/subsystems/bench/namespaces/1
	rmdir $nvmet/subsystems/bench
}

nvme_disk() { compgen -G "/dev/nvme*n1" >/dev/null; }

# nvme_connect TRANSPORT PORT ADDRESS [QUEUES]: leaves the disk in DISK.
nvme_connect()
{
	nvme_core
	modprobe "nvme-$1"
	[ -e /dev/nvme-fabrics ] || mknod /dev/nvme-fabrics c 10 \
		"$(sed -n 's/ nvme-fabrics//p' /proc/misc)"
	nvme connect -t "$1" -a "$3" -s "$2" -n bench \
		--hostnqn nqn.2014-08.org.example:bench \
		--hostid 00000000-0000-0000-0000-000000000001 \
		--nr-io-queues="${4-1}" >/dev/null
	wait_for nvme_disk
	DISK=$(compgen -G "/dev/nvme*n1")
	prepare_disk
}

nvme_disconnect() { nvme disconnect -n bench >/dev/null; }

# ---- disks and I/O ----------------------------------------------------------

# The same for every system: no scheduler, requests of 1 MiB.
prepare_disk()
{
	local q=/sys/block/${DISK#/dev/}/queue
	# The node in /dev is there before its queue is.
	wait_for test -e "$q/scheduler"
	echo none >"$q/scheduler"
	echo 1024 >"$q/max_sectors_kb"
}

# Everything that is read later has been written, memory behind it is there.
AREA=16m
fill_disk()
{
	fio --name=fill --filename="$DISK" --rw=write --bs=1m --size=$AREA \
		--ioengine=libaio --direct=1 --thread >$tmp/fill ||
		die "cannot write to $DISK"
}

# One section of a job file: job RW BS DEPTH COUNT
job()
{
	cat <<-END
	[$1-$2-$3]
	stonewall
	rw=$1
	bs=$2
	iodepth=$3
	number_ios=$4
	END
}

# run_jobs SYSTEM: jobs from standard input, one after the other; what fio measured
# becomes one result.
run_jobs()
{
	{
		cat <<-END
		[global]
		filename=$DISK
		size=$AREA
		io_size=1g
		norandommap=1
		ioengine=libaio
		direct=1
		thread=1
		END
		cat
	} >$tmp/jobs
	fio --output-format=json $tmp/jobs >$tmp/fio.json 2>$tmp/fio.err || {
		cat $tmp/fio.err
		die "fio on $DISK"
	}
	result fio "$1" "$(tr -d '\n' <$tmp/fio.json)"
}
