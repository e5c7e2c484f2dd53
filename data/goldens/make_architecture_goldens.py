"""Makes the small random models in architectures/ and their goldens (architectures.json), with Hugging Face transformers.

Run:    python data/goldens/make_architecture_goldens.py [--fixtures DIR]

Needs torch and transformers; the files here were made with torch 2.13 and transformers 5.23 on a CPU.
--fixtures takes the folder that holds the models stories260K and tiny-random-gpt2; without it their numbers stay as they
are.

Of every model: logits of a padded batch, greedy continuations, the loss of the response tokens with each gradient's norm
and its product with sin(0), sin(1), ..., and rewards of the same trunk under the score head sin(1), sin(2), ...
"""

import argparse
import json
import math
from pathlib import Path

import torch
import transformers
from torch.nn import functional as F
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

HERE = Path(__file__).parent
FOLDER = HERE / "architectures"
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

# Two rows of unequal length; True where the token belongs to the reply.
SEQUENCES = [
    {"ids": [5, 17, 3, 38, 41, 2, 60, 33, 9, 12, 50], "isResponseToken": [False] * 6 + [True] * 5},
    {"ids": [9, 9, 33, 20, 7], "isResponseToken": [False, False, True, True, False]},
]
PROMPTS = [[5, 17, 3, 38, 41, 2, 60], [9, 33, 20]]
NEW_TOKENS = 16
# The best token must stand out, or rounding could choose another.
LEAST_MARGIN = 0.02
TEXTS = ["Once upon a time, there was a cat.", "", " ", "She said: 'I can't!' 12 345", "naïve café — 什么？ 👩‍👩‍👧", "\n\ttabs  "]

SIZES = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
YARN = {"rope_type": "yarn", "rope_theta": 1000.0, "factor": 4.0, "original_max_position_embeddings": 16}
LOCAL_AND_GLOBAL = ["sliding_attention", "full_attention"]


def gpt2_config():
    return transformers.GPT2Config(
        vocab_size=64, n_positions=64, n_embd=16, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=1, pad_token_id=0
    )


def config_of(kind, **changes):
    return kind(**{**SIZES, **changes})


CONFIGS = {
    "llama-2": lambda: config_of(transformers.LlamaConfig, tie_word_embeddings=True),
    "llama-3": lambda: config_of(transformers.LlamaConfig, rope_parameters=LLAMA3, attention_bias=True, mlp_bias=True),
    "mistral": lambda: config_of(transformers.MistralConfig, head_dim=6, sliding_window=4),
    "qwen2": lambda: config_of(transformers.Qwen2Config, rope_parameters=YARN),
    "qwen3": lambda: config_of(transformers.Qwen3Config, head_dim=8, tie_word_embeddings=True),
    "smollm3": lambda: config_of(transformers.SmolLM3Config, no_rope_layer_interval=2),
    "gpt2": gpt2_config,
    "phi": lambda: config_of(transformers.PhiConfig, hidden_size=32, num_key_value_heads=4),
    "phi-head-norms": lambda: config_of(transformers.PhiConfig, qk_layernorm=True, hidden_act="gelu"),
    "phi3": lambda: config_of(transformers.Phi3Config),
    "gemma": lambda: config_of(transformers.GemmaConfig, head_dim=6),
    "gemma2": lambda: config_of(
        transformers.Gemma2Config,
        head_dim=6,
        query_pre_attn_scalar=5,
        sliding_window=4,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=6.0,
    ),
    "gemma3": lambda: config_of(
        transformers.Gemma3TextConfig,
        head_dim=6,
        query_pre_attn_scalar=5,
        sliding_window=4,
        layer_types=LOCAL_AND_GLOBAL,
        rope_parameters={
            "full_attention": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        },
    ),
}
ROPES = {
    "default": {"rope_type": "default", "rope_theta": 500.0},
    "linear": {"rope_type": "linear", "rope_theta": 500.0, "factor": 3.0},
    "dynamic": {"rope_type": "dynamic", "rope_theta": 500.0, "factor": 3.0},
    "llama3": LLAMA3,
    "yarn": YARN,
    "yarn-truncate-none": {**YARN, "truncate": False, "beta_fast": 8.0, "beta_slow": 2.0},
    "yarn-multipliers": {**YARN, "mscale": 0.7, "mscale_all_dim": 0.4},
    "yarn-attention-factor": {**YARN, "attention_factor": 1.3},
}


def numbers(tensor):
    return [float(f"{float(value):.8g}") for value in tensor.detach().float().reshape(-1)]


def values(tensor):
    return {"shape": list(tensor.shape), "data": numbers(tensor)}


def shaken(config, seed):
    """Weights large enough that every switch matters: norms away from one (or zero), biases away from zero."""
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            is_gain = weight.ndim == 1 and not name.endswith("bias")
            before = weight.clone()
            weight.normal_(0, 0.3)
            if is_gain:
                weight.add_(before)
        # Scaled embeddings (Gemma) are unscaled here, so that the layers have a say.
        if hasattr(model.get_input_embeddings(), "embed_scale"):
            model.get_input_embeddings().weight.div_(2)
    return model.eval()


def greedy(model, prompt):
    """Greedy ids without a cache, and the smallest lead that a chosen token had over the next."""
    ids = list(prompt)
    margin = math.inf
    with torch.no_grad():
        for _ in range(NEW_TOKENS):
            best = model(torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
            margin = min(margin, float(best.values[0] - best.values[1]))
            ids.append(int(best.indices[0]))
    return ids[len(prompt) :], margin


def padded():
    time = max(len(row["ids"]) for row in SEQUENCES)
    ids = torch.zeros(len(SEQUENCES), time, dtype=torch.long)
    mask = torch.zeros(len(SEQUENCES), time, dtype=torch.long)
    is_response = torch.zeros(len(SEQUENCES), time, dtype=torch.bool)
    for i, row in enumerate(SEQUENCES):
        ids[i, : len(row["ids"])] = torch.tensor(row["ids"])
        mask[i, : len(row["ids"])] = 1
        is_response[i, : len(row["ids"])] = torch.tensor(row["isResponseToken"])
    return ids, mask, is_response


def gradient_figures(model):
    figures = {}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad.double().reshape(-1)
        along = gradient @ torch.sin(torch.arange(len(gradient), dtype=torch.float64))
        figures[name] = [float(f"{float(value):.8g}") for value in (gradient.norm(), along)]
    return figures


def rewards(folder, hidden):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=1, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        model.score.weight.copy_(torch.sin(torch.arange(1, hidden + 1, dtype=torch.float64))[None])
        return [numbers(model(torch.tensor([row["ids"]])).logits)[0] for row in SEQUENCES]


def goldens_of(name, config):
    folder = FOLDER / name
    for seed in range(100):
        shaken(config, seed).to(torch.float16).save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        continuations = [greedy(model, prompt) for prompt in PROMPTS]
        if min(margin for _, margin in continuations) > LEAST_MARGIN:
            break
    else:
        raise SystemExit(f"{name}: no seed gives a continuation whose tokens stand out")
    ids, mask, is_response = padded()
    logits = model(ids, attention_mask=mask).logits
    log_probs = F.log_softmax(logits[:, :-1], -1).gather(-1, ids[:, 1:, None])[..., 0]
    loss = -log_probs[is_response[:, 1:]].mean()
    loss.backward()
    print(f"{name}: seed {seed}, logits {float(logits.std()):.2f}, loss {loss.item():.3f}")
    return {
        "logits": [values(logits[i, : len(row["ids"])]) for i, row in enumerate(SEQUENCES)],
        "greedy": [chosen for chosen, _ in continuations],
        "loss": numbers(loss)[0],
        "gradients": gradient_figures(model),
        "rewards": rewards(folder, config.hidden_size),
    }


def rope_goldens():
    result = {}
    for name, parameters in ROPES.items():
        config = config_of(transformers.LlamaConfig, head_dim=16, rope_parameters=dict(parameters))
        if parameters["rope_type"] == "default":
            frequencies, scale = 1 / (500.0 ** (torch.arange(0, 16, 2).double() / 16)), 1.0
        else:
            frequencies, scale = ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config, "cpu")
        result[name] = {"parameters": parameters, "frequencies": numbers(frequencies), "scale": scale}
    return result


def fixture_goldens(root):
    result = {}
    for name in ("stories260K", "tiny-random-gpt2"):
        folder = Path(root) / name
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        prompt = [1, 403, 407, 261, 378]
        chosen, margin = greedy(model, prompt)
        with torch.no_grad():
            logits = model(torch.tensor([prompt])).logits[0, -1]
        print(f"{name}: margin {margin:.4f}")
        result[name] = {"prompt": prompt, "logits": values(logits), "greedy": chosen}
        if (folder / "tokenizer.json").exists():
            tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
            result[name]["texts"] = [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in TEXTS]
    return result


def make(fixtures):
    file = HERE / "architectures.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    goldens = {
        "sequences": SEQUENCES,
        "prompts": PROMPTS,
        "models": {name: goldens_of(name, config()) for name, config in CONFIGS.items()},
        "ropes": rope_goldens(),
        "fixtures": fixture_goldens(fixtures) if fixtures else before.get("fixtures"),
    }
    file.write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixtures")
    make(parser.parse_args().fixtures)
