"""Blocks made of the first layers of a published network."""

from torch import nn

from audetnet.config.binding import Channels, OptionError, Side
from audetnet.networks.blocks.block import block
from audetnet.networks.pretrained import (
    VGG_FACE_MIN_SIDE,
    Freeze,
    resnet50_stem,
    vgg_face_stem,
)
from audetnet.networks.shapes import Shape, check_image
from audetnet.networks.timm_stem import timm_stem


@block("resnet50")
def resnet50(
    source: Shape,
    *,
    end_at_layer: int,
    freeze_first_n_layers: Freeze = 0,
    n_out_filters: Channels | None = None,
    pretrained: bool = True,
    state_dict_filepath: str | None = None,
) -> nn.Module:
    """``nn.Sequential(*resnet50.children()[:end_at_layer])`` of torchvision, by default with
    ImageNet weights.

    With ``state_dict_filepath`` the weights come from that file; ``pretrained=False`` starts from
    random weights.
    """
    check_image(source, "resnet50")
    stem, channels = resnet50_stem(end_at_layer, pretrained, state_dict_filepath)
    if n_out_filters not in (None, channels):
        raise OptionError(
            f"n_out_filters={n_out_filters} but end_at_layer={end_at_layer} gives "
            f"{channels} channels",
            "n_out_filters",
        )
    return stem.freeze(freeze_first_n_layers)


@block("vgg-face")
def vgg_face(
    source: Shape, *, state_dict_filepath: str, freeze_first_n_layers: Freeze = 0
) -> nn.Module:
    """VGG-Face (VGG16) up to its last pooling layer (512 channels), with weights from a state dict
    file.
    """
    check_image(source, "vgg-face", VGG_FACE_MIN_SIDE)
    return vgg_face_stem(state_dict_filepath).freeze(freeze_first_n_layers)


@block("timm")
def timm(
    source: Shape,
    *,
    model: str,
    end_at: tuple[str, ...],
    pool_to: Side | None = None,
    mirror_mean: bool = False,
    freeze_first_n_layers: Freeze = 0,
    pretrained: bool = True,
    state_dict_filepath: str | None = None,
) -> nn.Module:
    """Stages of a timm network. Several stages, or one with ``pool_to``, are average-pooled to the
    same size and concatenated along the channels. ``mirror_mean`` appends as many channels again:
    the mean over the image and its mirror image.
    """
    check_image(source, "timm")
    stem = timm_stem(
        model,
        end_at,
        pool_to=pool_to,
        mirror_mean=mirror_mean,
        pretrained=pretrained,
        path=state_dict_filepath,
    )
    return stem.freeze(freeze_first_n_layers)
