"""An [upsample] and the convolution after it, in the cheaper order.

conv(up(x)) = sum over the kernel's taps of shift(W_tap up(x)) = fold(up(W x)): upsampling acts on
each channel separately, so a 1x1 convolution can go first. Then a map of (taps x filters) channels
is upsampled instead of one of all input channels, and the products are computed on the small map.
The result is the same up to rounding, zero padding included. It pays off if the convolution has few
filters, like the decoder's last one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def pays(upsample: nn.Module, following: nn.Module) -> bool:
    """Whether the order can be swapped, and taps x filters are at most the input channels."""
    if not isinstance(upsample, nn.Upsample) or not isinstance(following, nn.Sequential):
        return False
    convolution = following[0]
    if not isinstance(convolution, nn.Conv2d) or isinstance(convolution.padding, str):
        return False
    taps = convolution.kernel_size[0] * convolution.kernel_size[1]
    return (
        convolution.stride == (1, 1)
        and convolution.dilation == (1, 1)
        and convolution.groups == 1
        and convolution.padding_mode == "zeros"
        and all(
            pad < kernel
            for pad, kernel in zip(convolution.padding, convolution.kernel_size, strict=True)
        )
        and taps * convolution.out_channels <= convolution.in_channels
    )


def upsampled_convolution(x: Tensor, upsample: nn.Module, following: nn.Module) -> Tensor:
    """``following(upsample(x))`` for two blocks for which ``pays`` is true."""
    assert isinstance(following, nn.Sequential)
    convolution = following[0]
    assert isinstance(convolution, nn.Conv2d) and not isinstance(convolution.padding, str)
    weight = convolution.weight.flip(2, 3).permute(0, 2, 3, 1)
    by_tap = F.conv2d(x, weight.reshape(-1, convolution.in_channels, 1, 1))
    large = upsample(by_tap)
    large = large.to(torch.promote_types(large.dtype, torch.float32))  # for the sum over taps
    size = tuple(
        extent + 2 * pad - kernel + 1
        for extent, pad, kernel in zip(
            large.shape[2:], convolution.padding, convolution.kernel_size, strict=True
        )
    )
    border = tuple(
        kernel - 1 - pad
        for pad, kernel in zip(convolution.padding, convolution.kernel_size, strict=True)
    )
    result = F.fold(large.flatten(2), size, convolution.kernel_size, padding=border)
    if convolution.bias is not None:
        result = result + convolution.bias.view(1, -1, 1, 1)
    for layer in following[1:]:
        result = layer(result)
    return result
