"""Vision transformers: tokens are shown on their grid, or named where nobody knows it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import VisionTransformer

from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.network.network import Network
from zfwidgets.errors import InputError, UnsupportedModel
from zfwidgets.records import Unit

PATCH, GRID = 8, (3, 2)
CHANNELS, WIDE = 12, 20


class Small(VisionTransformer):
    """torchvision's, of 3 x 2 patches: rows and columns can't be mixed up unseen."""

    def __init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(6)
            super().__init__(
                image_size=16, patch_size=PATCH, num_layers=2, num_heads=2, hidden_dim=CHANNELS,
                mlp_dim=WIDE, num_classes=5,
            )  # fmt: skip
            positions = torch.randn(1, 1 + GRID[0] * GRID[1], CHANNELS)
            self.encoder.pos_embedding = nn.Parameter(positions)
            for parameter in self.parameters():  # torchvision's are too small to tell from none
                parameter.data += 0.3 * torch.randn(parameter.shape)
        self.eval()

    def _process_input(self, x: Tensor) -> Tensor:
        return self.conv_proj(x).flatten(2).transpose(1, 2)


def images(count: int = 5, rows: int = GRID[0] * PATCH, columns: int = GRID[1] * PATCH) -> Tensor:
    return torch.randn(count, 3, rows, columns, generator=torch.Generator().manual_seed(8))


def outputs(model: nn.Module, layer: str, batch: Tensor) -> Tensor:
    """What a module gives, as it gives it: (images, tokens, channels)."""
    found: list[Tensor] = []
    module = model.get_submodule(layer)
    handle = module.register_forward_hook(lambda m, args, out: found.append(out))
    model(batch)
    handle.remove()
    return found[0]


@pytest.fixture(scope="module")
def model() -> Small:
    return Small()


@pytest.fixture(scope="module")
def engine(model: Small) -> LocalEngine:
    return LocalEngine(model, list(images()), cache=False)


BEFORE = ("encoder.layers.encoder_layer_0.ln_1",)
BEHIND = (
    "encoder.layers.encoder_layer_0.ln_2",
    "encoder.layers.encoder_layer_0.mlp.0",
    "encoder.layers.encoder_layer_0.mlp.1",
    "encoder.layers.encoder_layer_0.mlp.3",
    "encoder.layers.encoder_layer_0",
    "encoder.layers.encoder_layer_1.mlp.1",
    "encoder.layers.encoder_layer_1",
    "encoder.ln",
)


def test_every_block_is_a_layer_with_the_grids_rows_and_columns(engine: LocalEngine) -> None:
    shapes = {layer.name: layer.shape for layer in engine.layers}
    assert shapes["conv_proj"] == (CHANNELS, *GRID)
    for name in (*BEFORE, *BEHIND):
        assert shapes[name] == (WIDE if "mlp.0" in name or "mlp.1" in name else CHANNELS, *GRID)
    assert shapes["heads.head"] == (5, 1, 1)
    assert len(shapes) == 15
    (note,) = (note for note in engine.info.notes if "tokens" in note)
    assert "13 layers (encoder.layers.encoder_layer_0.ln_1 to encoder.ln)" in note
    assert "Class tokens have no place" in note


@pytest.mark.parametrize("layer", [*BEFORE, *BEHIND])
def test_strongest_units_are_the_strongest_tokens(
    model: Small, engine: LocalEngine, layer: str
) -> None:
    with torch.no_grad():
        tokens = outputs(model, layer, images())[:, 1:]
    for channel in range(tokens.shape[2]):
        maps = tokens[:, :, channel]
        values, places = (found.tolist() for found in maps.max(1))
        top = engine.top(layer, channel, 9)
        active = [i for i in np.argsort([-v for v in values]).tolist() if values[i] > 0]
        assert [a.image for a in top] == active
        for activation in top:
            assert activation.value == pytest.approx(values[activation.image], rel=1e-4, abs=1e-5)
            place = divmod(places[activation.image], GRID[1])
            assert (activation.unit.row, activation.unit.col) == place


@pytest.mark.parametrize("rule", ["deconvnet", "gradient"])
@pytest.mark.parametrize("layer", [*BEFORE, *BEHIND])
def test_projections_are_a_tokens_own_derivative(
    model: Small, engine: LocalEngine, layer: str, rule: str
) -> None:
    """Nothing here is a rectifier, so that every rule's picture is value times derivative."""
    top = engine.top(layer, 7, 2)
    for projection in engine.project_all(top, rule):
        unit = projection.activation.unit
        leaf = images()[projection.activation.image][None].requires_grad_()
        output = outputs(model, layer, leaf)[0, 1 + unit.row * GRID[1] + unit.col, unit.channel]
        (gradient,) = torch.autograd.grad(output, leaf)
        expected = (gradient[0] * output.detach()).permute(1, 2, 0).numpy()
        scale = np.abs(expected).max()
        np.testing.assert_allclose(projection.pixels, expected, atol=1e-5 * scale)
        assert projection.status == "linearised"


def test_what_each_operation_is_inverted_by_is_said(engine: LocalEngine) -> None:
    before = {o.name for o in engine.explain(BEFORE[0]).operations}
    assert before == {"layer norm", "sum", "concat", "convolution"}
    behind = engine.explain("encoder.ln")
    found = {o.name: (o.status, o.count) for o in behind.operations}
    assert found["attention"] == ("linearised", 2)
    assert "unknown" not in {o.status for o in behind.operations}
    assert behind.reach == "global"


@pytest.mark.parametrize("layer", [*BEFORE, *BEHIND])
def test_receptive_fields_are_patches_until_attention(
    model: Small, engine: LocalEngine, layer: str
) -> None:
    info = engine.layer(layer)
    for row, col in ((0, 1), (2, 0)):
        leaf = images(1).requires_grad_()
        token = outputs(model, layer, leaf)[0, 1 + row * GRID[1] + col]
        (gradient,) = torch.autograd.grad(token.square().sum(), leaf)
        seen = gradient[0].abs().sum(0) > 0
        rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
        box = info.receptive_field.box(row, col)
        assert (int(rows.min()), int(columns.min())) == (box.top, box.left)
        assert (int(rows.max()) + 1, int(columns.max()) + 1) == (box.bottom, box.right)
    assert info.receptive_field.reach == ("exact" if layer in BEFORE else "global")


def test_torchvisions_own_spelling_is_the_same() -> None:
    torch.manual_seed(0)
    plain = VisionTransformer(16, PATCH, 1, 2, CHANNELS, WIDE, num_classes=5).eval()
    network = Network(plain, images(rows=16, columns=16)[0])
    assert network.layer("encoder.ln").shape == (CHANNELS, 2, 2)
    assert len(network.layers) == 9


# Other ways to lay tokens out


class Laid(nn.Module):
    """A map as tokens, as the caller lays them out, then a layer on tokens."""

    def __init__(self, lay_out: Callable[[Tensor], Tensor], layer: nn.Module) -> None:
        super().__init__()
        self.patches, self.lay_out, self.layer = nn.Conv2d(3, 4, 5, 3), lay_out, layer
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)
            for parameter in self.parameters():
                nn.init.normal_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.lay_out(self.patches(x)))


ROWS, COLUMNS = 4, 6  # of places, for images of 14 x 20
ONE, TWO = torch.full((1, 1, 4), 0.5), torch.ones(1, 2, 4)


def rows_first(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


LAID: dict[str, tuple[Callable[[Tensor], Tensor], nn.Module, Callable[[Tensor], Tensor]]] = {
    "channels last before": (
        lambda x: x.permute(0, 2, 3, 1).reshape(len(x), -1, 4),
        nn.Linear(4, 7),
        lambda out: out,
    ),
    "registers on both sides": (
        lambda x: torch.cat([ONE.expand(len(x), 1, 4), rows_first(x), TWO.expand(len(x), 2, 4)], 1),
        nn.LayerNorm(4),
        lambda out: out[:, 1:-2],
    ),
    "class token taken off again": (
        lambda x: torch.cat([TWO.expand(len(x), 2, 4), rows_first(x)], 1)[:, 2:] * 2,
        nn.GELU(),
        lambda out: out,
    ),
    "one of two taken off": (
        lambda x: torch.cat([TWO.expand(len(x), 2, 4), rows_first(x)], 1)[:, 1:],
        nn.Linear(4, 7),
        lambda out: out[:, 1:],
    ),
    "tokens last": (
        lambda x: x.flatten(2) + 1,
        nn.Tanh(),
        lambda out: out.transpose(1, 2),
    ),
    "in place": (
        lambda x: rows_first(x).mul_(2).add_(ONE),
        nn.Linear(4, 7),
        lambda out: out,
    ),
    "through curves": (
        lambda x: torch.log(rows_first(x).square() + 1),
        nn.Linear(4, 7),
        lambda out: out,
    ),
}


@pytest.mark.parametrize("name", list(LAID))
def test_tokens_are_found_wherever_they_lie(name: str) -> None:
    lay_out, layer, places = LAID[name]
    model, batch = Laid(lay_out, layer), images(3, 14, 20)
    engine = LocalEngine(model, list(batch), cache=False)
    with torch.no_grad():
        tokens = places(outputs(model, "layer", batch))
    info = engine.layer("layer")
    assert info.shape == (tokens.shape[2], ROWS, COLUMNS)
    followed = "channels last" not in name  # windows aren't, through a turned map
    assert info.receptive_field.reach == ("exact" if followed else "upper bound")
    assert info.receptive_field.size == ((5, 5) if followed else (14, 20))
    for channel in range(tokens.shape[2]):
        maps = tokens[:, :, channel].reshape(3, ROWS, COLUMNS)
        for activation in engine.top("layer", channel, 3):
            found = maps[activation.image]
            assert activation.value == pytest.approx(float(found.max()), rel=1e-5)
            assert found[activation.unit.row, activation.unit.col] == found.max()


SHUFFLE = torch.tensor([3, 1, 0, 2, *range(4, 24)])


@pytest.mark.parametrize(
    "lay_out",
    [
        lambda x: rows_first(x)[:, SHUFFLE],
        lambda x: rows_first(x).flip(1),
        lambda x: x.transpose(2, 3).flatten(2).transpose(1, 2).cumsum(1),
        lambda x: rows_first(x).softmax(1),
        lambda x: rows_first(x)[:, 3:],
        lambda x: rows_first(x).reshape(len(x), 12, 8),
        lambda x: functional.scaled_dot_product_attention(*[rows_first(x)] * 3),
    ],
    ids=["shuffled", "flipped", "summed", "softmax", "cut", "merged", "attention"],
)
def test_tokens_that_may_be_elsewhere_are_named_and_not_shown(
    lay_out: Callable[[Tensor], Tensor],
) -> None:
    network = Network(Laid(lay_out, nn.Tanh()), images(1, 14, 20)[0])
    assert [layer.name for layer in network.layers] == ["patches"]
    assert "(images, tokens, channels) aren't listed" in network.note
    assert network.note.endswith("place: layer.")


def test_columns_first_are_rows_and_columns_of_the_turned_map() -> None:
    """Where they lie in the image isn't claimed then."""
    turned = Laid(lambda x: x.transpose(2, 3).flatten(2).transpose(1, 2), nn.Tanh())
    network = Network(turned, images(1, 14, 20)[0])
    layer = network.layer("layer")
    assert layer.shape == (4, COLUMNS, ROWS)
    assert layer.receptive_field.reach == "upper bound"
    assert layer.receptive_field.box(0, 0).height == 14


def test_attention_draws_nothing_unless_it_drops_something() -> None:
    def attend(drop: float) -> Callable[[Tensor], Tensor]:
        def lay_out(x: Tensor) -> Tensor:
            tokens = rows_first(x)
            return functional.scaled_dot_product_attention(tokens, tokens, tokens, dropout_p=drop)

        return lay_out

    assert Network(Laid(attend(0.0), nn.Tanh()), images(1, 14, 20)[0]).layers
    drops = Laid(attend(0.5), nn.Tanh())
    state = torch.get_rng_state()
    with pytest.raises(UnsupportedModel, match="draws random numbers"):
        Network(drops, images(1, 14, 20)[0])
    assert torch.equal(state, torch.get_rng_state())


def test_grad_cam_takes_maps_that_keep_their_channels_first(engine: LocalEngine) -> None:
    pytest.importorskip("captum")
    from zfwidgets.rules import GradCam

    top = engine.top("encoder.ln", 7, 1)
    (projection,) = engine.project_all(top, "grad-cam")
    assert "'conv_proj'" in projection.operations[0].note
    with pytest.raises(InputError, match=r"'encoder\.layers\.encoder_layer_0' keeps its channels"):
        engine.project(Unit("encoder.ln", 7), 0, GradCam(at="encoder.layers.encoder_layer_0"))
