"""Makes engine.json: values and gradients of the engine's operations and of AdamW from PyTorch.

Run: python data/goldens/make_engine_goldens.py   (needs torch; the file here was made with torch 2.13, CPU, float32)
"""

import json
from pathlib import Path

import torch
from torch.nn import functional as F

torch.manual_seed(7)


def values(tensor):
    tensor = tensor.detach()
    return {"shape": list(tensor.shape), "data": [round(float(v), 7) for v in tensor.reshape(-1)]}


def rounded(*shape):
    """Random inputs that survive the seven decimals of the file."""
    return (torch.randn(*shape) * 1e4).round().div(1e4)


def with_gradients(inputs, function):
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    output = function(*leaves)
    slope = rounded(*output.shape)
    gradients = torch.autograd.grad(output, leaves, slope)
    return {
        "inputs": [values(tensor) for tensor in inputs],
        "slope": values(slope),
        "output": values(output),
        "gradients": [values(gradient) for gradient in gradients],
    }


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def rotary(positions, theta, dim):
    angles = positions[..., None].float() * theta ** (-torch.arange(0, dim, 2).float() / dim)
    angles = torch.cat((angles, angles), dim=-1)[:, :, None, :]
    return lambda x: x * angles.cos() + rotate_half(x) * angles.sin()


def attention(starts):
    """Left-padded causal attention through PyTorch's own; a row of queries that see nothing gives zeros."""

    def run(query, key, value):
        time, keys = query.shape[1], key.shape[1]
        at = torch.arange(keys - time, keys)
        mask = (torch.arange(keys)[None, :] <= at[:, None])[None] & (torch.arange(keys)[None, None] >= starts[:, None, None])
        safe = mask | ~mask.any(-1, keepdim=True)
        q, k, v = (x.transpose(1, 2) for x in (query, key, value))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=safe[:, None], enable_gqa=True)
        return out.transpose(1, 2) * mask.any(-1)[:, :, None, None]

    return run


def llama_layer(positions, starts, wanted, heads, kv_heads, head_dim):
    """A layer of Llama's kind, whose outputs are wanted at some flat indices; weights as in ops/llamaLayer.ts."""
    turn, attend = rotary(positions, 10000.0, head_dim), attention(starts)

    def run(hidden, attention_norm, query, key, value, output, feed_forward_norm, gate, up, down):
        width = hidden.shape[-1]
        normed = F.rms_norm(hidden, (width,), attention_norm, 1e-5)
        q, k, v = (
            F.linear(normed, weight).unflatten(-1, (count, head_dim))
            for weight, count in ((query, heads), (key, kv_heads), (value, kv_heads))
        )
        mixed = attend(turn(q), turn(k), v).flatten(2)
        rows = [x.flatten(0, 1)[wanted][None] for x in (hidden, mixed)]
        attended = rows[0] + F.linear(rows[1], output)
        between = F.rms_norm(attended, (width,), feed_forward_norm, 1e-5)
        return attended + F.linear(F.silu(F.linear(between, gate)) * F.linear(between, up), down)

    return run


def adamw():
    start = rounded(5)
    steps = [rounded(5) for _ in range(3)]
    parameter = start.clone().requires_grad_()
    optimiser = torch.optim.AdamW([parameter], lr=0.1, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.2)
    after = []
    for gradient in steps:
        parameter.grad = gradient.clone()
        optimiser.step()
        after.append(values(parameter))
    return {"start": values(start), "gradients": [values(g) for g in steps], "after": after}


def main():
    positions = torch.tensor([[0, 1, 2], [0, 5, 9]])
    starts = torch.tensor([0, 2])
    targets = torch.tensor([3, 0, 10, 7])
    hidden, output = rounded(4, 6), rounded(11, 6)
    temperature = 0.7

    def log_probs(h, w):
        return F.log_softmax(F.linear(h, w) / temperature, -1).gather(-1, targets[:, None])[:, 0]

    logits = F.log_softmax(F.linear(hidden, output) / temperature, -1)
    goldens = {
        "linear": with_gradients([rounded(3, 5), rounded(4, 5), rounded(4)], F.linear),
        "rmsNorm": with_gradients([rounded(3, 6), rounded(6)], lambda x, w: F.rms_norm(x, (6,), w, 1e-5)),
        "swiglu": with_gradients([rounded(3, 5), rounded(3, 5)], lambda g, u: F.silu(g) * u),
        "rotary": {
            "positions": positions.tolist(),
            "theta": 10000,
            **with_gradients([rounded(2, 3, 2, 6)], rotary(positions, 10000.0, 6)),
        },
        "attention": {
            "keyStart": starts.tolist(),
            **with_gradients([rounded(2, 3, 4, 6), rounded(2, 5, 2, 6), rounded(2, 5, 2, 6)], attention(starts)),
        },
        "attentionPadded": {
            "keyStart": [0, 2],
            **with_gradients([rounded(2, 4, 2, 6), rounded(2, 4, 2, 6), rounded(2, 4, 2, 6)], attention(starts)),
        },
        "embedding": {
            "ids": [[1, 4], [4, 0]],
            **with_gradients([rounded(5, 3)], lambda t: F.embedding(torch.tensor([[1, 4], [4, 0]]), t)),
        },
        "tokenLogProbs": {
            "targets": targets.tolist(),
            "temperature": temperature,
            "entropy": values(-(logits.exp() * logits).sum(-1)),
            **with_gradients([hidden, output], log_probs),
        },
        "adamW": adamw(),
    }
    wanted = torch.tensor([5, 0, 4, 4])
    width, heads, kv_heads, head_dim, inner = 5, 4, 2, 6, 7
    wide, narrow = heads * head_dim, kv_heads * head_dim
    weights = [(width,), (wide, width), (narrow, width), (narrow, width), (width, wide)]
    weights += [(width,), (inner, width), (inner, width), (width, inner)]
    goldens["llamaLayer"] = {
        "positions": positions.tolist(),
        "keyStart": [0, 1],
        "wanted": wanted.tolist(),
        **with_gradients(
            [rounded(2, 3, width), *(rounded(*shape) / 2 for shape in weights)],
            llama_layer(positions, torch.tensor([0, 1]), wanted, heads, kv_heads, head_dim),
        ),
    }
    path = Path(__file__).with_name("engine.json")
    path.write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


main()
