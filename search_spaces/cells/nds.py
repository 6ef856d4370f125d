"""The five spaces of cells that NDS compares, each with its paper's operations, nodes and output.

Source: Radosavovic et al. 2019 (arXiv 1905.13214); facebookresearch/unnas ``pycls/models/nas/genotypes.py``.
"""

from __future__ import annotations

from regnas.search_spaces.cells.space import CellSpace, cell_space


def nasnet() -> CellSpace:
    """NASNet (Zoph et al. 2018, arXiv 1707.07012): 13 operations, loose ends are the output."""
    operations = (
        *("skip_connect", "conv_3x1_1x3", "conv_7x1_1x7", "dil_conv_3x3", "avg_pool_3x3", "max_pool_3x3"),
        *("max_pool_5x5", "max_pool_7x7", "conv_1x1", "conv_3x3", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7"),
    )
    return cell_space("nasnet", operations, nodes=5, output="loose")


def amoebanet() -> CellSpace:
    """AmoebaNet (Real et al. 2019, arXiv 1802.01548): 8 operations, loose ends are the output."""
    operations = (
        *("skip_connect", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7"),
        *("avg_pool_3x3", "max_pool_3x3", "dil_sep_conv_3x3", "conv_7x1_1x7"),
    )
    return cell_space("amoebanet", operations, nodes=5, output="loose")


def pnas() -> CellSpace:
    """PNAS (Liu et al. 2018, arXiv 1712.00559): 8 operations, all nodes are the output.

    The paper has one cell for both roles: ``pnas[reduction=same]``.
    """
    operations = (
        *("sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7", "conv_7x1_1x7"),
        *("skip_connect", "avg_pool_3x3", "max_pool_3x3", "dil_conv_3x3"),
    )
    return cell_space("pnas", operations, nodes=5, output="all")


def enas() -> CellSpace:
    """ENAS's micro space (Pham et al. 2018, arXiv 1802.03268): 5 operations, loose ends are the output."""
    operations = ("skip_connect", "sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3")
    return cell_space("enas", operations, nodes=5, output="loose")


def darts() -> CellSpace:
    """DARTS (Liu et al. 2019, arXiv 1806.09055): 8 operations, all four nodes are the output.

    The paper's networks have no ``none``, and no node takes an input twice: ``darts[inputs=distinct,op=...]``.
    """
    operations = (
        *("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect"),
        *("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),
    )
    return cell_space("darts", operations, nodes=4, output="all")
