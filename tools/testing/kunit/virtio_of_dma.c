// SPDX-License-Identifier: GPL-2.0
/*
 * Gives soft-RoCE a device that needs DMA mappings.
 *
 * rxe takes kernel addresses where other adapters take DMA addresses, and so nothing
 * that a caller maps, syncs or unmaps goes through the DMA API. An adapter that is
 * added while this module is loaded has a DMA device: what its kernel users hand it
 * are DMA addresses, and are turned back into kernel addresses here, on the way
 * into rxe. The kernel's checks of the DMA API then see all of them, and with
 * swiotlb=force every mapping is a copy: the adapter sees what was mapped or synced
 * for it, the CPU what was synced or unmapped for it, and neither sees anything else.
 *
 * Nothing is copied when memory that only the adapter writes is given back to it, so that
 * its absence shows nowhere but on machines whose caches are not coherent. What the CPU
 * has taken is remembered here: a receive that is posted into it ends in a warning.
 *
 * For a guest that runs no RDMA programs of its own: what they register is mapped as
 * well, and would be copied back when it is unmapped.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/hash.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <rdma/ib_verbs.h>

static bool keep_offset = true;
module_param(keep_offset, bool, 0444);
MODULE_PARM_DESC(keep_offset, "a mapping keeps its offset within the page, as an IOMMU does; swiotlb alone does not");

static struct platform_device *vof_dma_pdev;

/* What rxe does by itself. All of its devices have the same operations. */
static struct ib_device_ops vof_dma_rxe;

static u64 vof_dma_to_virt(u64 addr)
{
	return (u64)(uintptr_t)phys_to_virt(dma_to_phys(&vof_dma_pdev->dev, addr));
}

static u64 vof_dma_from_virt(u64 addr)
{
	return phys_to_dma(&vof_dma_pdev->dev,
			   virt_to_phys((void *)(uintptr_t)addr));
}

/*
 * Receives that the CPU has taken, by hashes of their DMA addresses. A probe may not take a
 * lock: of two that share a place the first is forgotten.
 */
#define VOF_DMA_BITS	14
static unsigned long vof_dma_taken[1 << VOF_DMA_BITS];

/* Both probes: (device, address, size, direction). Returns the place, or NULL. */
static unsigned long *vof_dma_receive(struct pt_regs *regs, unsigned long *addr)
{
	*addr = regs_get_kernel_argument(regs, 1);
	if (regs_get_kernel_argument(regs, 0) != (unsigned long)&vof_dma_pdev->dev ||
	    regs_get_kernel_argument(regs, 3) != DMA_FROM_DEVICE)
		return NULL;
	return &vof_dma_taken[hash_long(*addr, VOF_DMA_BITS)];
}

static int vof_dma_for_cpu(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long addr, *place = vof_dma_receive(regs, &addr);

	if (place)
		WRITE_ONCE(*place, addr);
	return 0;
}

static int vof_dma_for_device(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long addr, *place = vof_dma_receive(regs, &addr);

	if (place)
		cmpxchg(place, addr, 0);
	return 0;
}

static struct kprobe vof_dma_cpu_probe = {
	.symbol_name	= "__dma_sync_single_for_cpu",
	.pre_handler	= vof_dma_for_cpu,
};

static struct kprobe vof_dma_device_probe = {
	.symbol_name	= "__dma_sync_single_for_device",
	.pre_handler	= vof_dma_for_device,
};

/* The connection manager's receives are mapped anew each time. */
static void vof_dma_check_receive(struct ib_qp *qp, const struct ib_recv_wr *wr)
{
	unsigned long addr;
	int i;

	/* A probe does not see a call from within another one. */
	if (qp->qp_type != IB_QPT_RC || READ_ONCE(vof_dma_device_probe.nmissed))
		return;
	for (i = 0; i < wr->num_sge; i++) {
		addr = wr->sg_list[i].addr;
		WARN_ONCE(READ_ONCE(vof_dma_taken[hash_long(addr, VOF_DMA_BITS)]) == addr,
			  "a receive is posted that was not given back to the adapter\n");
	}
}

/*
 * rxe copies the entries: afterwards they are the caller's again, as they were. A caller
 * that holds no lock may have freed them by then, for which see vof_dma_post_mad().
 */
static void vof_dma_translate(struct ib_sge *sge, int n, u64 (*to)(u64 addr))
{
	while (n--)
		sge[n].addr = to(sge[n].addr);
}

/* The connection manager's datagrams, one at a time. */
static int vof_dma_post_mad(struct ib_qp *qp, const struct ib_send_wr *wr,
			    const struct ib_send_wr **bad)
{
	struct ib_ud_wr copy = *ud_wr(wr);
	struct ib_sge sges[2];
	int ret;

	*bad = wr;
	if (wr->next || wr->num_sge > ARRAY_SIZE(sges))
		return -EINVAL;
	memcpy(sges, wr->sg_list, wr->num_sge * sizeof(*sges));
	vof_dma_translate(sges, wr->num_sge, vof_dma_to_virt);
	copy.wr.sg_list = sges;
	ret = vof_dma_rxe.post_send(qp, &copy.wr, bad);
	if (ret)
		*bad = wr;
	return ret;
}

static int vof_dma_post_send(struct ib_qp *qp, const struct ib_send_wr *first,
			     const struct ib_send_wr **bad)
{
	const struct ib_send_wr *wr;
	int ret;

	if (qp->qp_type != IB_QPT_RC)
		return vof_dma_post_mad(qp, first, bad);
	for (wr = first; wr; wr = wr->next)
		vof_dma_translate(wr->sg_list, wr->num_sge, vof_dma_to_virt);
	ret = vof_dma_rxe.post_send(qp, first, bad);
	for (wr = first; wr; wr = wr->next)
		vof_dma_translate(wr->sg_list, wr->num_sge, vof_dma_from_virt);
	return ret;
}

static int vof_dma_post_recv(struct ib_qp *qp, const struct ib_recv_wr *first,
			     const struct ib_recv_wr **bad)
{
	const struct ib_recv_wr *wr;
	int ret;

	for (wr = first; wr; wr = wr->next) {
		vof_dma_check_receive(qp, wr);
		vof_dma_translate(wr->sg_list, wr->num_sge, vof_dma_to_virt);
	}
	ret = vof_dma_rxe.post_recv(qp, first, bad);
	for (wr = first; wr; wr = wr->next)
		vof_dma_translate(wr->sg_list, wr->num_sge, vof_dma_from_virt);
	return ret;
}

static int vof_dma_map_mr_sg(struct ib_mr *mr, struct scatterlist *sgl, int n,
			     unsigned int *offset)
{
	struct scatterlist *sg;
	int i, ret;

	for_each_sg(sgl, sg, n, i)
		sg_dma_address(sg) = vof_dma_to_virt(sg_dma_address(sg));
	ret = vof_dma_rxe.map_mr_sg(mr, sgl, n, offset);
	for_each_sg(sgl, sg, n, i)
		sg_dma_address(sg) = vof_dma_from_virt(sg_dma_address(sg));
	return ret;
}

/* The adapter is gone. This text has to stay until then. */
static void vof_dma_dealloc(struct ib_device *ibdev)
{
	vof_dma_rxe.dealloc_driver(ibdev);
	module_put(THIS_MODULE);
}

/* ib_register_device(device, name, dma_device): with a DMA device, and us between. */
static int vof_dma_register(struct kprobe *probe, struct pt_regs *regs)
{
	struct ib_device *ibdev = (void *)regs_get_kernel_argument(regs, 0);
	struct ib_device_ops *ops = &ibdev->ops;

	if (ops->driver_id != RDMA_DRIVER_RXE || !try_module_get(THIS_MODULE))
		return 0;
	vof_dma_rxe = *ops;
	ops->post_send = vof_dma_post_send;
	ops->post_recv = vof_dma_post_recv;
	ops->map_mr_sg = vof_dma_map_mr_sg;
	ops->dealloc_driver = vof_dma_dealloc;
	regs->dx = (unsigned long)&vof_dma_pdev->dev;
	return 0;
}

static struct kprobe vof_dma_probe = {
	.symbol_name	= "ib_register_device",
	.pre_handler	= vof_dma_register,
};

static struct kprobe *vof_dma_probes[] = {
	&vof_dma_cpu_probe, &vof_dma_device_probe, &vof_dma_probe,
};

static int __init vof_dma_init(void)
{
	struct device *dev;
	int ret;

	vof_dma_pdev = platform_device_register_simple(KBUILD_MODNAME,
						       PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(vof_dma_pdev))
		return PTR_ERR(vof_dma_pdev);
	dev = &vof_dma_pdev->dev;
	ret = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (ret)
		goto err;
	dma_set_max_seg_size(dev, UINT_MAX);
	if (keep_offset)
		dma_set_min_align_mask(dev, PAGE_SIZE - 1);
	ret = register_kprobes(vof_dma_probes, ARRAY_SIZE(vof_dma_probes));
	if (ret)
		goto err;
	return 0;

err:
	platform_device_unregister(vof_dma_pdev);
	return ret;
}

static void __exit vof_dma_exit(void)
{
	unregister_kprobes(vof_dma_probes, ARRAY_SIZE(vof_dma_probes));
	platform_device_unregister(vof_dma_pdev);
}

module_init(vof_dma_init);
module_exit(vof_dma_exit);

MODULE_DESCRIPTION("Virtio over Fabrics initiator: soft-RoCE with a DMA device");
MODULE_LICENSE("GPL");
