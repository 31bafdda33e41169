#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# SIGHUP and the control socket: devices and access lists come, go and change while others
# are written to and notice nothing; a wrong file changes nothing. What cannot be opened is served
# when it can be, and so is a disk that was taken away and is back.
# with: readlink
# timeout: 300
# kernels: 6.1 6.12 debug
# ci: 6.12
. "$(dirname "$0")/lib.sh"

file=$VOF_TMP/target.conf
ctl() { vofctl target "$@" --socket "$VOF_TMP/control"; }
target_has() { [[ $(readlink "/proc/$TARGET/fd"/* 2>/dev/null) = *"$1"* ]]; }
target_lacks() { ! target_has "$1"; }
# configure LINE...: the devices besides the one that is never touched.
configure()
{
	{
		printf '%s\n' '[target]' 'max-memory = 4G' "control = $VOF_TMP/control" '[listen]' \
			"url = rdma://$VOF_ADDR" '[blk steady]' "file = $VOF_TMP/steady" 'queues = 2'
		printf '%s\n' "$@"
	} >"$file"
}

# reload REGEX: and wait for what the target says to it, once more than before.
says() { [ "$(grep -cE "$1" "$TARGET_LOG")" -gt "$2" ]; }
reload()
{
	local before
	before=$(grep -cE "$1" "$TARGET_LOG")
	kill -HUP "$TARGET"
	until_done 20 says "$1" "$before"
}
reconnects() { vof_get "$1" reconnects; }
came_back() { [ "$(vof_get "$1" reconnects)" -gt "$2" ] && [ "$(vof_get "$1" state)" = live ]; }
first_word() { dd if="$1" bs=4k count=1 iflag=direct 2>/dev/null | head -c 5; }

# Until there is $VOF_TMP/enough: what is written is there.
write_steadily()
{
	local n=0
	trap - EXIT
	while [ ! -e "$VOF_TMP/enough" ]; do
		dd if=/dev/urandom of="$VOF_TMP/piece" bs=64k count=4 2>/dev/null
		dd if="$VOF_TMP/piece" of="$steady" bs=64k oflag=direct 2>/dev/null || return 1
		dd if="$steady" of="$VOF_TMP/back" bs=64k count=4 iflag=direct 2>/dev/null || return 1
		cmp -s "$VOF_TMP/piece" "$VOF_TMP/back" || return 1
		echo $((n += 1)) >"$VOF_TMP/rounds"
	done
}
set -- reconnect_delay=1

truncate -s 32M "$VOF_TMP"/{steady,one,two}
echo "first" >"$VOF_TMP/word"
dd if="$VOF_TMP/word" of="$VOF_TMP/one" conv=notrunc 2>/dev/null
echo "other" | dd of="$VOF_TMP/two" conv=notrunc 2>/dev/null

modprobe sd_mod
modprobe scsi_debug dev_size_mb=16 sector_size=512 max_luns=1 num_tgts=1
scsi_disk() { local d; for d in /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*; do
	[ -b "/dev/${d##*/}" ] && echo "${d##*/}" && return; done; return 1; }
until_done 20 scsi_disk >"$VOF_TMP/scsi" || bail "no scsi_debug"
scsi=$(cat "$VOF_TMP/scsi")
ln -s "/dev/$scsi" "$VOF_TMP/removable"

going=('[blk going]' 'mem = 16M')
one=('[blk disk]' "file = $VOF_TMP/one" 'serial = disk' 'queues = 1')
two=('[blk disk]' "file = $VOF_TMP/two" 'serial = disk' 'queues = 1')
removable=('[blk removable]' "file = $VOF_TMP/removable" 'queues = 1')
late=('[blk late]' "file = $VOF_TMP/late")
configure "${going[@]}" "${one[@]}" "${removable[@]}" "${late[@]}"
start_target --config "$file"
check "a file that is not there: the target says so" target_says "late.*No such file" 0
check "and serves the others" vof_connect steady tvqn=steady
steady=$(vof_disk steady)
write_steadily &
writer=$!
check "one of them" vof_connect going tvqn=going "$@"
check "another" vof_connect disk tvqn=disk "$@"
check "and another" vof_connect removable tvqn=removable "$@"
is "it has its bytes" "$(first_word "$(vof_disk disk)")" first
is "no instance of what is not there" "$(vof_connect late tvqn=late)" ENODEV
truncate -s 16M "$VOF_TMP/late"
check "it is served when it is there" target_says "late is served" 40
check "and connects" vof_set late enable 1

# A wrong file: as it was.
configure "${one[@]}" '[blk bad]' 'mem = 0x'
line=$(wc -l <"$file")
check "a wrong file" reload "target.conf:$line: mem: .*nothing is changed"
like "by the socket it says so, too" "$(ctl reload 2>&1; echo " $?")" \
	"target.conf:$line: mem: .*nothing is changed.* 2$"
printf '%s\n' '[blk going]' >"$file"
check "one without an address, and a disk without a file" reload "nothing is changed"
check "what is not in it is served on" dd if="$(vof_disk going)" of=/dev/null bs=4k count=1 iflag=direct
is "as before" "$(reconnects going) $(reconnects disk) $(reconnects removable)" "0 0 0"

# A device that no file has comes, stays at a reload, and goes. What is done is counted.
check "one is added by the socket" ctl add blk tvqn=extra mem=16M serial=extra
check "and served" vof_connect extra tvqn=extra "$@"
check "it is read" dd if="$(vof_disk extra)" of=/dev/null bs=4k count=16 iflag=direct
like "which is counted" "$(ctl stats extra -o json | tr -d ' \n')" '"reads":[{]"done":[1-9]'
like "its initiator is known" "$(ctl status extra)" "$(vof_get extra ivqn)"
like "what is wrong with a device" "$(ctl add blk tvqn=other mem=1X 2>&1; echo " $?")" '"1X" is not a size.* 2$'
like "one more of this name" "$(ctl add blk tvqn=extra mem=1M 2>&1; echo " $?")" 'there is a device.* 1$'
configure "${going[@]}" "${one[@]}" "${removable[@]}" "${late[@]}"
like "files are read again" "$(ctl reload)" '^0 added, 0 removed, 0 changed, .* 5 as they were$'
is "it is not touched, nor are others" "$(reconnects extra) $(reconnects going) $(reconnects disk)" "0 0 0"
check "it is removed" ctl remove extra
check "and so is its initiator" vof_wait_state extra recovering
like "no device of this name" "$(ctl remove extra 2>&1; echo " $?")" 'no such device.* 3$'
vof_disconnect extra
check "one is added for good" ctl add blk tvqn=extra mem=16M --persist
like "reload" "$(ctl reload)" '^0 added, 0 removed, 0 changed, .* 6 as they were$'
check "and removed for good" ctl remove extra --persist
like "reload" "$(ctl reload)" '^0 added, 0 removed, 0 changed, .* 5 as they were$'

# One comes, one goes, one changes, the access to one does; more descriptors than ever.
before=$(reconnects disk)
configure "${two[@]}" "${removable[@]}" "${late[@]}" 'allow = nobody' \
	'[blk new]' 'mem = 16M' 'num-descs = 64' 'queue-size = 512'
check "reload" reload "read again"
check "one is new" vof_connect new tvqn=new
check "one is gone" vof_wait_state going recovering
check "one changes" until_done 20 came_back disk "$before"
is "and has other bytes" "$(first_word "$(vof_disk disk)")" other
check "the one that was let in is not any more" vof_wait_state late recovering
like "and hears why" "$(until_done 20 grep access "$VOF_CONFIGFS/late/last_error")" "access list"
is "one is not touched" "$(reconnects removable)" 0
vof_set going enable 0
is "the one that has gone is no name here" "$(vof_set going enable 1)" ENOENT

before=$(reconnects late)
configure "${two[@]}" "${removable[@]}" "${late[@]}" 'allow = nobody' \
	"allow = $(vof_get late ivqn)" '[blk new]' 'mem = 16M' 'num-descs = 64' \
	'queue-size = 512' "${going[@]}"
check "reload" reload "read again"
check "the other way" until_done 20 came_back late "$before"
check "and one is back" vof_set going enable 1
is "whoever was in the list notices nothing" "$(reconnects new)" 0

# A disk is pulled, and another one put in its place.
disk=$(vof_disk removable)
check "a disk is written" dd if="$VOF_TMP/word" of="$disk" bs=4k count=1 conv=sync oflag=direct
before=$(reconnects removable)
echo 1 >"/sys/block/$scsi/device/delete"
check "it vanishes" target_says "removable has vanished" 20
check "its initiator waits" vof_wait_state removable recovering
check "the target lets go of it" until_done 20 target_lacks "/dev/$scsi"
rm "$VOF_TMP/removable"
# One of the same size, under the same name.
truncate -s 16M "$VOF_TMP/other"
sum=$(sha256sum <"$VOF_TMP/other")
loop=$(vof_loop "$VOF_TMP/other") || bail "no loop device"
ln -s "$loop" "$VOF_TMP/removable"
check "another one in its place is recognised" \
	target_says "loop of .*/other: not the disk that has vanished .16777216 bytes, disk " 60
is "and not served" "$(vof_get removable state)" recovering
check "nor kept open" until_done 20 target_lacks "$loop"
is "nothing is written to it" "$(sha256sum <"$loop")" "$sum"
rm "$VOF_TMP/removable"
losetup -d "$loop"
echo "- - -" >"$(echo /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/scsi_host/host*/scan)"
until_done 20 scsi_disk >"$VOF_TMP/scsi"
ln -s "/dev/$(cat "$VOF_TMP/scsi")" "$VOF_TMP/removable"
check "it is back" target_says "removable is served" 60
check "and so is its initiator" until_done 20 came_back removable "$before"
is "with its bytes" "$(first_word "$disk")" first
check_not "what was in its cache may be gone: a flush says so" \
	dd if="$VOF_TMP/word" of="$disk" bs=4k count=1 conv=sync,fsync oflag=direct
check "once" dd if="$VOF_TMP/word" of="$disk" bs=4k count=1 conv=sync,fsync oflag=direct

touch "$VOF_TMP/enough"
wait $writer
is "the disk that was never touched: written and read $(cat "$VOF_TMP/rounds") times" $? 0
is "its link is the first one" "$(reconnects steady)" 0
is "nor did the new one's change" "$(reconnects new)" 0
for d in "$VOF_CONFIGFS"/*/; do
	vof_disconnect "$(basename "$d")"
done
stop_target
is "the target ends with" $? 0
rmmod scsi_debug
finish
