# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# I/O on a disk, in the foreground and in the background.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

# vof_fio NAME=VALUE...: one fio job with direct I/O; its output on failure.
# Every write is verified when verify= is given. io_size is in k or m.
vof_fio()
{
	local word args=()
	for word; do
		if [[ $word =~ ^io_size=([0-9]+)([km])$ ]]; then
			word=${BASH_REMATCH[1]}
			[ "${BASH_REMATCH[2]}" = k ] || word=$((word * 1024))
			word=io_size=$((word / slower))k
		fi
		args+=("--$word")
	done
	timeout "${VOF_FIO_TIMEOUT:-300}" fio --name=job --ioengine=libaio \
		--direct=1 --thread=1 --group_reporting=1 --output-format=terse \
		"${args[@]}" >"$VOF_TMP/fio.out" 2>&1 || {
		word=$?
		tail -n 20 "$VOF_TMP/fio.out"
		return $word
	}
	! grep -qiE 'verify:|bad (magic|header)|error=[^0]' "$VOF_TMP/fio.out" || {
		tail -n 20 "$VOF_TMP/fio.out"
		return 1
	}
}

# background_fio DISK SECONDS OPTIONS...: fio on DISK; returns SECONDS after it has
# opened that, which takes long on the debug kernel. Its process is in LOAD.
background_fio()
{
	local disk=$1 seconds=$2 i fd
	shift 2
	fio --name=load --filename="$disk" --allow_file_create=0 --time_based \
		--iodepth=32 --ioengine=libaio --direct=1 --thread "$@" \
		>"$VOF_TMP/load" 2>&1 &
	LOAD=$!
	for ((i = 0; i < 300; i++)); do
		for fd in "/proc/$LOAD/fd"/*; do
			[ ! "$fd" -ef "$disk" ] || break 2
		done
		kill -0 "$LOAD" 2>/dev/null || break
		sleep 0.1
	done
	sleep "$seconds"
	kill -0 "$LOAD" 2>/dev/null ||
		not_ok "the load runs: $(tail -n 3 "$VOF_TMP/load")"
}

# load DISK: mixed I/O in the background, for load_ends.
load()
{
	background_fio "$1" 2 --rw=randrw --bsrange=512-128k --size=32m --runtime=120
}

# load_ends WHAT: within 30 s, and with an error.
load_ends()
{
	local i
	for ((i = 0; i < 300; i++)); do
		kill -0 "$LOAD" 2>/dev/null || break
		sleep 0.1
	done
	check_not "$1: fio has ended" kill -0 "$LOAD" || kill -KILL "$LOAD"
	wait "$LOAD"
	check "$1: fio has seen an error" [ $? != 0 ]
}

# verified_load DISK: writes in the background that are read back and compared,
# for verified_load_ends: for VOF_LOAD_TIME seconds, by default 8 or, on the debug kernel,
# 20.
verified_load()
{
	background_fio "$1" 1 --rw=randwrite --bsrange=512-64k --size=32m \
		--runtime="${VOF_LOAD_TIME:-$((4 + 4 * slower))}" --verify=crc32c --verify_backlog=64 \
		--verify_fatal=1 --serialize_overlap=1
}

# verified_load_ends WHAT: within 120 s, and without an error.
verified_load_ends()
{
	local i status
	for ((i = 0; i < 1200; i++)); do
		kill -0 "$LOAD" 2>/dev/null || break
		sleep 0.1
	done
	check_not "$1: fio has ended" kill -0 "$LOAD" || kill -KILL "$LOAD"
	wait "$LOAD"
	status=$?
	is "$1: all that was written is there" $status 0 || tail -n 20 "$VOF_TMP/load" | note
}
