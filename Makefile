# SPDX-License-Identifier: GPL-2.0
# For people; kbuild reads Kbuild. `make help` says what there is.
#
# Everything is made in build/: the kernel modules in build/<kernel>/, from a
# tree of symbolic links to the sources, because kbuild leaves its products
# beside the sources and two kernels must not share them.

SHELL	:= /bin/bash
TOP	:= $(CURDIR)
O	:= $(TOP)/build
KDIR	= $(firstword $(wildcard $(O)/kernels/$(kver)/lib/modules/$(kver)/build \
	$(if $(debug),$(debug)/lib/modules/$(kver)/build)) \
	/lib/modules/$(kver)/build)
V	?= 0
export LC_ALL := C

# KVER= picks one kernel: a whole version, 6.1 or 6.12 for the kernels that
# scripts/setup fetched, or debug for the one that scripts/debug-kernel built.
# Without it: 6.1 and 6.12, or else the running one.
ifeq ($(KVER),debug)
debug	:= $(shell scripts/debug-kernel --root)
ifeq ($(debug),)
$(error no debug kernel)
endif
KVERS	:= $(notdir $(wildcard $(debug)/lib/modules/*))
else ifneq ($(KVER),)
KVERS	:= $(or $(shell readlink $(O)/kernels/$(KVER)),$(KVER))
else
KVERS	:= $(foreach s,6.1 6.12,$(shell readlink $(O)/kernels/$(s)))
endif
RUNNING	:= $(shell uname -r)

.DEFAULT_GOAL := all
.PHONY: all help setup modules target vofctl handshake peer unit fuzz test-tools check \
	bench-tools check-quick check-debug check-all check-full checks bench \
	bench-quick \
	document-target document-initiator demo guest install clean distclean

all: modules target vofctl handshake

help:
	@echo 'make demo        a remote /dev/vda with real files, in two guests  [TRANSPORT=tcp|rdma]'
	@echo 'make check       all tests: on the host, then in guests on both kernels'
	@echo 'make check-debug the tests in guests on a debug kernel, which is built first'
	@echo 'make check-all   both'
	@echo 'make check-full  all there is, in a fresh Debian too: hours'
	@echo
	@echo 'make modules     virtio_of.ko and its fabrics  [KVER=6.1|6.12|debug|version]'
	@echo 'make target      the userspace target, virtio-of-target'
	@echo 'make vofctl      vofctl, with which people and scripts connect devices'
	@echo 'make handshake   virtio-of-handshake, the agent for TLS where there is no tlshd'
	@echo 'make unit        unit tests on the host (under ASan and UBSan)'
	@echo 'make check-quick unit tests, then the short tests on one kernel'
	@echo 'make fuzz        the fuzzers of the target, for FUZZ_TIME seconds ($(FUZZ_TIME))'
	@echo 'make checks      build checks: W=1, sparse, checkpatch, gcc and clang, newest kernel'
	@echo 'make bench       what an I/O costs, beside nvme-rdma; writes build/bench.json'
	@echo 'make bench-quick fails when an I/O costs more than it did'
	@echo 'make guest       a shell in a guest with soft-RoCE, the modules and the target'
	@echo 'make install     modules for the running kernel, programs to PREFIX ($(PREFIX))'
	@echo '                 [INITRAMFS=1: and what an initramfs needs to boot from a disk]'
	@echo 'make deb         packages for Debian, in build/deb'
	@echo 'make clean       remove what was built; make distclean: fetched kernels too'
	@echo
	@echo 'make check TESTS="connect io" runs only the tests whose names match.'

setup:
	@scripts/setup check

# ---- kernel modules ---------------------------------------------------------

modules: $(if $(KVERS),,setup-build)
ifeq ($(KVERS),)
	@$(MAKE) --no-print-directory modules
else
	@$(foreach k,$(KVERS),$(MAKE) --no-print-directory module-$(k) &&) true
endif

.PHONY: setup-build
setup-build:
	@scripts/setup build

# KBUILD_MODARGS: more arguments for kbuild (W=1, C=2, CC=clang).
# MODDIR: where to build, when not in build/<kernel>.
module-%: kver = $*
module-%: MODDIR = $(O)/$(kver)
module-%:
	@[ -e $(KDIR)/Makefile ] || { \
		echo "no headers for kernel $(kver): $(KDIR) is missing" >&2; exit 1; }
	@mkdir -p $(MODDIR) && flock $(MODDIR)/.lock scripts/link-tree $(MODDIR)
	@echo "  MODULES $(kver)"
	@+flock $(MODDIR)/.lock $(MAKE) --no-print-directory -C $(KDIR) \
		M=$(MODDIR) V=$(V) $(if $(debug),VOF_KUNIT=m) $(KBUILD_MODARGS) \
		modules

# ---- userspace --------------------------------------------------------------

target:
	@$(MAKE) --no-print-directory -C tools/target O=$(O)/target

vofctl:
	@$(MAKE) --no-print-directory -C tools/vofctl O=$(O)/vofctl

handshake:
	@$(MAKE) --no-print-directory -C tools/initiator/handshake O=$(O)/handshake

peer:
	@$(MAKE) --no-print-directory -C tools/testing/peer O=$(O)/peer

FUZZ_TIME ?= 60
fuzz:
	@$(MAKE) --no-print-directory -C tools/testing/fuzz O=$(O)/fuzz \
		FUZZ_TIME=$(FUZZ_TIME) run

unit:
	@tools/testing/run --unit

# Small programs that the selftests call in the guests.
selftests := tools/testing/selftests/virtio_of
test-tools: $(patsubst $(selftests)/%.c,$(O)/tools/%,$(wildcard $(selftests)/*.c))

$(O)/tools/%: $(selftests)/%.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -o $@ $<

# Manual pages and completion, made of what the programs say with --help.
# $(call document,NAME,PROGRAM)
define document
	@mkdir -p $(O)/man $(O)/completion
	@scripts/help-doc man Documentation/man/$(1).8.rst $(2) >$(O)/man/$(1).rst
	@rst2man --report=1 --exit-status=1 $(O)/man/$(1).rst $(O)/man/$(1).8
	@scripts/help-doc completion $(2) >$(O)/completion/$(1)
endef

document-target: target
	$(call document,virtio-of-target,$(O)/target/virtio-of-target)

document-initiator: vofctl handshake
	$(call document,vofctl,$(O)/vofctl/vofctl)
	$(call document,virtio-of-handshake,$(O)/handshake/virtio-of-handshake)

# ---- benchmarks -------------------------------------------------------------

bench-tools: $(O)/tools/vof-floor $(O)/tools/vof-floor-tcp $(O)/tools/vof-mark $(O)/bench/count.so

$(O)/tools/vof-floor: tools/bench/floor.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -o $@ $< -libverbs

$(O)/tools/vof-floor-tcp: tools/bench/floor-tcp.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -o $@ $<

$(O)/tools/vof-mark: tools/bench/mark.c tools/bench/mark.h
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -o $@ $<

$(O)/bench/count.so: tools/bench/count.c tools/bench/mark.h
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -o $@ $<

bench bench-quick:
	@scripts/setup bench
	@$(MAKE) --no-print-directory modules target bench-tools
	@tools/bench/bench $(if $(KVER),--kernel $(KVER)) \
		$(if $(filter bench,$@),--json $(O)/bench.json,--quick)

# ---- tests and demo ---------------------------------------------------------

check:
	@scripts/setup check
	@tools/testing/run $(TESTS)

# Whole Debians are made by root alone; none is booted in CI.
whole = $(if $(filter 0,$(shell id -u)),$(if $(CI),,--kernel debian))

check-all:
	@scripts/setup check debug $(if $(whole),newest)
	@tools/testing/run --kernel 6.1 --kernel 6.12 --kernel debug --kernel siw \
		$(whole) $(TESTS)

check-full:
	@scripts/setup check newest debug
	@scripts/in-tree
	@scripts/fresh-root
	@scripts/check-packages
	@$(MAKE) --no-print-directory check-all

check-debug:
	@scripts/setup check debug
	@tools/testing/run --guests --kernel debug --kernel siw $(TESTS)

check-quick:
	@scripts/setup check
	@tools/testing/run --quick $(TESTS)

checks:
	@scripts/setup check newest
	@scripts/checks

demo:
	@scripts/setup demo
	@TRANSPORT=$(TRANSPORT) scripts/demo

guest:
	@scripts/setup guest
	@$(MAKE) --no-print-directory modules target vofctl
	@scripts/guest $(if $(KVER),--kernel $(KVER))

# ---- install ----------------------------------------------------------------

PREFIX	?= /usr/local
DESTDIR	?=

install: install-modules install-target install-initiator install-wireshark \
		$(if $(INITRAMFS),install-initramfs)
	@# A name of this host's own; what is only packed here is not yet on one.
	$(if $(DESTDIR),,$(SBINDIR)/vofctl ivqn)

.PHONY: install-modules install-target install-initiator install-wireshark install-initramfs
SBINDIR	= $(PREFIX)/sbin
UNITDIR	= $(PREFIX)/lib/systemd/system
GENERATORDIR = $(patsubst %/system,%/system-generators,$(UNITDIR))
UDEVDIR	= /usr/lib/udev/rules.d
# $(call install-unit,FILE): programs are called by their whole names.
install-unit = install -d $(DESTDIR)$(UNITDIR) && sed 's,@SBINDIR@,$(SBINDIR),' $(1) \
	>$(DESTDIR)$(UNITDIR)/$(notdir $(1))

install-modules: kver := $(if $(KVER),$(KVERS),$(RUNNING))
install-modules:
	@$(MAKE) --no-print-directory module-$(kver)
	$(MAKE) --no-print-directory -C $(KDIR) M=$(O)/$(kver) \
		CONFIG_MODULE_SIG_ALL= $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) \
		modules_install
	@# kbuild does without where the headers come without System.map.
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(kver)
	install -D -m 644 include/uapi/linux/virtio_of.h \
		$(DESTDIR)$(PREFIX)/include/linux/virtio_of.h

# $(call install-document,NAME...)
install-document = install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 \
	$(1:%=$(O)/man/%.8) && install -D -m 644 \
	-t $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(1:%=$(O)/completion/%)

install-target: document-target
	install -D -t $(DESTDIR)$(SBINDIR) build/target/virtio-of-target
	$(call install-unit,tools/target/virtio-of-target.service)
	$(call install-document,virtio-of-target)

install-initiator: document-initiator
	install -D -t $(DESTDIR)$(SBINDIR) build/vofctl/vofctl \
		build/handshake/virtio-of-handshake
	$(call install-unit,tools/initiator/handshake/virtio-of-handshake.service)
	$(call install-unit,tools/initiator/virtio-of@.service)
	$(call install-document,vofctl virtio-of-handshake)
	$(call install-unit,tools/initiator/virtio-of.target)
	$(call install-unit,tools/initiator/virtio-of-hurry.service)
	install -d $(DESTDIR)$(GENERATORDIR)
	sed 's,@SBINDIR@,$(SBINDIR),; s,@UNITDIR@,$(UNITDIR),' \
		tools/initiator/virtio-of-generator >$(DESTDIR)$(GENERATORDIR)/virtio-of-generator
	chmod 755 $(DESTDIR)$(GENERATORDIR)/virtio-of-generator
	install -D -m 644 -t $(DESTDIR)$(UDEVDIR) tools/initiator/60-virtio-of.rules

# Where it lies Wireshark does not look; Documentation/admin-guide.rst says how it does.
WIRESHARKDIR ?= $(PREFIX)/share/virtio-of/wireshark
install-wireshark:
	install -D -m 644 -t $(DESTDIR)$(WIRESHARKDIR) tools/wireshark/virtio_of.lua
	install -D -m 644 -t $(DESTDIR)$(WIRESHARKDIR)/virtio_of tools/wireshark/virtio_of/*.lua

# What an initramfs needs to connect the root.
LIBDIR	= $(PREFIX)/lib/virtio-of
INITRAMFSDIR ?= /usr/share/initramfs-tools
HEADERSDIR ?= /etc/kernel/header_postinst.d
# $(call install-script,FILE,DIRECTORY,NAME)
install-script = install -d $(DESTDIR)$(2) && sed 's,@SBINDIR@,$(SBINDIR),; s,@LIBDIR@,$(LIBDIR),' \
	tools/boot/$(1) >$(DESTDIR)$(2)/$(3) && chmod 755 $(DESTDIR)$(2)/$(3)
install-initramfs:
	$(call install-script,keep-interfaces,$(LIBDIR),keep-interfaces)
	$(call install-script,initramfs-tools/hook,$(INITRAMFSDIR)/hooks,virtio-of)
	$(call install-script,initramfs-tools/local-top,$(INITRAMFSDIR)/scripts/local-top,virtio-of)
	$(call install-script,initramfs-tools/header-postinst,$(HEADERSDIR),zz-virtio-of-initramfs)

# Packages for Debian, in build/deb. Made in a copy of the tree, which debhelper litters.
.PHONY: deb
deb:
	@scripts/setup package
	@rm -rf $(O)/deb && mkdir -p $(O)/deb/virtio-of
	@tar -c --exclude=./build --exclude=./.git . | tar -x -C $(O)/deb/virtio-of
	cd $(O)/deb/virtio-of && dpkg-buildpackage -b -us -uc
	@ls -l $(O)/deb/*.deb

clean:
	@find build -mindepth 1 -maxdepth 1 ! -name kernels ! -name checkpatch \
		! -name newest ! -name unpacked ! -name debian -exec rm -rf {} + 2>/dev/null || true

distclean:
	rm -rf build
