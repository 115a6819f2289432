# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The virtual machine that qemu is told to be: sets qemu (the command line, that far) and console.
# shellcheck disable=SC2034,SC2154 # shared with tests/node/node

qemu_machine() {
        local accel=tcg version

        case $(uname -m) in
        x86_64)
                # A /dev/kvm without the processor's support exists, and boots no stock kernel.
                if grep -q -E -w 'vmx|svm' /proc/cpuinfo && : 2>/dev/null <>/dev/kvm; then
                        accel=kvm
                fi
                qemu=(qemu-system-x86_64 -M q35)
                console=ttyS0
                ;;
        aarch64)
                if : 2>/dev/null <>/dev/kvm; then
                        accel=kvm
                fi
                qemu=(qemu-system-aarch64 -M "virt,gic-version=max")
                console=ttyAMA0
                ;;
        esac
        if [[ $accel = tcg ]]; then
                # Before 8.1 one CPU may translate code that another is writing, and keep what is stale: a
                # kernel that patches itself dies of it, once in some hours (QEMU commit deba78709ae8).
                version=$("${qemu[0]}" --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
                if dpkg --compare-versions "$version" lt 8.1; then
                        accel+=,thread=single
                else
                        accel+=,thread=multi
                fi
        fi
        qemu+=(-accel "$accel" -cpu max)
}

# Two NUMA nodes with half of the processors and of the memory each; one processor is one node.
qemu_numa() {
        local half=$((cpus / 2)) node bytes

        ((half)) || return 0
        bytes=$(($(numfmt --from=iec "$memory") / 2))
        for node in 0 1; do
                qemu+=(-object "memory-backend-ram,id=memory$node,size=$bytes"
                        -numa "node,nodeid=$node,memdev=memory$node,cpus=$((node * half))-$((node ? cpus - 1 : half - 1))")
        done
}
