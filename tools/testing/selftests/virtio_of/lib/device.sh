# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Devices of the initiator: their directories in configfs, and their disks.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

# The name of an error, from what the shell prints about it.
vof_errno()
{
	case $1 in
	*"Operation not permitted"*) echo EPERM ;;
	*"No such process"*) echo ESRCH ;;
	*"Required key not available"*) echo ENOKEY ;;
	*"Key was rejected by service"*) echo EKEYREJECTED ;;
	*"No such file or directory"*) echo ENOENT ;;
	*"Input/output error"*) echo EIO ;;
	*"No such device or address"*) echo ENXIO ;;
	*"Argument list too long"*) echo E2BIG ;;
	*"Resource temporarily unavailable"*) echo EAGAIN ;;
	*"Cannot allocate memory"*) echo ENOMEM ;;
	*"Permission denied"*) echo EACCES ;;
	*"Bad address"*) echo EFAULT ;;
	*"Device or resource busy"*) echo EBUSY ;;
	*"File exists"*) echo EEXIST ;;
	*"No such device"*) echo ENODEV ;;
	*"Invalid argument"*) echo EINVAL ;;
	*"Interrupted system call"*) echo EINTR ;;
	*"Numerical result out of range"*) echo ERANGE ;;
	*"File name too long"*) echo ENAMETOOLONG ;;
	*"Directory not empty"*) echo ENOTEMPTY ;;
	*"No space left on device"*) echo ENOSPC ;;
	*"Value too large for defined data type"*) echo EOVERFLOW ;;
	*"Bad message"*) echo EBADMSG ;;
	*"Message too long"*) echo EMSGSIZE ;;
	*"Protocol error"*) echo EPROTO ;;
	*"Protocol not supported"*) echo EPROTONOSUPPORT ;;
	*"Operation not supported"*) echo EOPNOTSUPP ;;
	*"Address family not supported"*) echo EAFNOSUPPORT ;;
	*"Address already in use"*) echo EADDRINUSE ;;
	*"Cannot assign requested address"*) echo EADDRNOTAVAIL ;;
	*"Network is unreachable"*) echo ENETUNREACH ;;
	*"Connection reset by peer"*) echo ECONNRESET ;;
	*"Software caused connection abort"*) echo ECONNABORTED ;;
	*"Transport endpoint is not connected"*) echo ENOTCONN ;;
	*"Connection timed out"*) echo ETIMEDOUT ;;
	*"Connection refused"*) echo ECONNREFUSED ;;
	*"Host is down"*) echo EHOSTDOWN ;;
	*"No route to host"*) echo EHOSTUNREACH ;;
	*"Operation canceled"*) echo ECANCELED ;;
	*) echo "${1##*: }" ;;
	esac
}

# vof_set NAME ATTRIBUTE VALUE: write one attribute. On failure the error's
# name is printed. Over TLS the key for the names is in the keyring then.
vof_set()
{
	local err
	if err=$({ printf '%s\n' "$3" >"$VOF_CONFIGFS/$1/$2"; } 2>&1); then
		[[ $2 != ?vqn ]] || ! over tls ||
			add_key "virtio-of $(vof_get "$1" ivqn) $(vof_get "$1" tvqn)"
		return 0
	fi
	vof_errno "$err"
	return 1
}

vof_get() { cat "$VOF_CONFIGFS/$1/$2"; }

# vof_make NAME [ATTRIBUTE=VALUE]...: a device that is not enabled yet. The
# transport and the target's address are filled in.
vof_make()
{
	local name=$1 word
	shift
	[ -d "/sys/module/$VOF_MODULE" ] || modprobe "$VOF_MODULE" ||
		bail "$VOF_MODULE does not load"
	mkdir "$VOF_CONFIGFS/$name" || return 1
	! over tls || set -- tls=1 "$@"
	for word in "transport=$VOF_TRANSPORT" "traddr=$(target_addr)" "$@"; do
		vof_set "$name" "${word%%=*}" "${word#*=}" || {
			note "cannot set $word"
			return 1
		}
	done
}

# vof_connect NAME tvqn=... [ATTRIBUTE=VALUE]...: make and enable a device.
# On failure the error's name is printed, and the item stays.
vof_connect()
{
	vof_make "$@" && vof_set "$1" enable 1
}

# vof_disk NAME: the path of the block device, once it is there.
vof_disk()
{
	local dev d i
	for ((i = 0; i < 200; i++)); do
		dev=$(vof_get "$1" device 2>/dev/null)
		if [ -n "$dev" ]; then
			for d in /sys/bus/virtio/devices/"$dev"/{block,host*/target*/*/block}/*; do
				[ -b "/dev/${d##*/}" ] || continue
				echo "/dev/${d##*/}"
				return 0
			done
		fi
		sleep 0.1
	done
	note "no disk for $1: state $(vof_get "$1" state 2>&1)" >&2
	return 1
}

# vof_wait_state NAME STATE [SECONDS]
vof_wait_state()
{
	local i
	for ((i = 0; i < ${3:-30} * 10; i++)); do
		[ "$(vof_get "$1" state)" = "$2" ] && return 0
		sleep 0.1
	done
	note "$1 is $(vof_get "$1" state), not $2, after ${3:-30} s"
	return 1
}

# vof_wait_error NAME REGEX: last_error matches it, within 20 s.
vof_wait_error()
{
	local i
	for ((i = 0; i < 200; i++)); do
		[[ ! $(vof_get "$1" last_error) =~ $2 ]] || return 0
		sleep 0.1
	done
	note "last_error of $1: $(vof_get "$1" last_error)"
	return 1
}

# vof_bind bind|unbind DEVICE [DRIVER]: a device of the virtio bus, virtio_blk by default
vof_bind() { echo "$2" >"/sys/bus/virtio/drivers/${3:-virtio_blk}/$1"; }

# vof_disconnect NAME: whoever uses its disk.
vof_disconnect() { vof_set "$1" enable 2 && rmdir "$VOF_CONFIGFS/$1"; }
