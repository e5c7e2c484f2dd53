"""Makes model.json, tokenizer.json and the models in llamas/ from Hugging Face transformers and tokenizers.

Run:    python data/goldens/make_model_goldens.py [--stories DIR]
Check:  python data/goldens/make_model_goldens.py --check DIR --ids 1,2,3 [--text TEXT] [--chat MESSAGES]
        prints what transformers makes of a model folder written by fourfold: logits or reward, ids of the text, and of
        a conversation (JSON) its ids and their greedy continuation, generated without an attention mask.

Needs torch and transformers; the files here were made with torch 2.13, transformers 5.23 and tokenizers 0.23 on a CPU.
--stories takes the folder of the stories260K model; without it, its numbers in model.json stay as they are.
"""

import argparse
import json
from pathlib import Path

import torch
import transformers
from torch.nn import functional as F

HERE = Path(__file__).parent
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

TEXTS = [
    "",
    " ",
    "The cat sat on the mat.",
    "I can't, you'll see; they'd've gone 12 345 times!",
    "  two  spaces\n\n\tand a tab \n",
    "什么是好的？她说的是他的狗。",
    "emoji: 👩‍👩‍👧 🇨🇳 ☕️ 😀",
    "naïve café — Ω≈ç√ ﷺ \u0301 \u200b",
    "\u0000\u0001\u007f\u00ad",
    "code: if (a != b) { return x[i]; } // ok",
    "<|user|>hi<|end|> <|endoftext|>x<|assistant|>",
    "<|user|",
    "2024 ٣٤ ½ Ⅷ",
]
CONVERSATIONS = [
    [{"role": "user", "content": "What is the name of the dog?"}],
    [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "什么？"},
        {"role": "assistant", "content": "The cat."},
        {"role": "user", "content": ""},
    ],
]
# Two rows of unequal length; True where the token belongs to the reply.
SEQUENCES = [
    {"ids": [5, 17, 3, 88, 41, 2, 60], "isResponseToken": [False, False, False, True, True, True, True]},
    {"ids": [9, 9, 33, 70], "isResponseToken": [False, False, True, False]},
]
GRADIENTS = [
    "model.embed_tokens.weight",
    "model.layers.0.self_attn.k_proj.weight",
    "model.layers.1.self_attn.q_proj.weight",
    "model.layers.1.mlp.down_proj.weight",
    "model.layers.0.input_layernorm.weight",
]
# Rows kept of a matrix's gradient, so that the file stays small: tokens seen (5, 9) and not seen (0).
ROWS = [0, 5, 9]
NEW_TOKENS = 24
STORY = "Once upon a time, there was a cat. It was very happy."


def numbers(tensor):
    return [float(f"{float(value):.8g}") for value in tensor.detach().float().reshape(-1)]


def values(tensor):
    return {"shape": list(tensor.shape), "data": numbers(tensor)}


def kept_rows(gradient):
    if gradient.ndim == 1:
        return values(gradient)
    return {"rows": ROWS, **values(gradient[ROWS])}


def shake(model):
    """Weights large enough that attention, norms and rotary positions all matter."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(0, 0.3)
            if "norm" in name:
                weight.add_(1)
    return model


def tiny_config(**changes):
    return transformers.LlamaConfig(
        **{
            "vocab_size": 96,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 64,
            "rms_norm_eps": 1e-5,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 0,
            **changes,
        }
    )


def saved(kind, name, dtype, **changes):
    """Saves a random model in `dtype` and loads it again as float32: what every reader of the file must see."""
    folder = HERE / "llamas" / name
    shake(kind(tiny_config(**changes))).to(dtype).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    return kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def response_log_probs(model, sequence):
    logits = model(torch.tensor([sequence["ids"]])).logits[0]
    log_probs = F.log_softmax(logits[:-1], -1)
    chosen = log_probs.gather(-1, torch.tensor(sequence["ids"][1:])[:, None])[:, 0]
    return chosen[torch.tensor(sequence["isResponseToken"][1:])]


def language_model(model, gradients):
    log_probs = [response_log_probs(model, sequence) for sequence in SEQUENCES]
    loss = -torch.cat(log_probs).mean()
    loss.backward()
    named = dict(model.named_parameters())
    return {
        "sequences": SEQUENCES,
        "logits": [values(model(torch.tensor([sequence["ids"]])).logits[0]) for sequence in SEQUENCES],
        "logProbs": [numbers(row) for row in log_probs],
        "loss": numbers(loss)[0],
        "gradients": {name: kept_rows(named[name].grad) for name in gradients},
    }


def tokenizer_goldens():
    tokenizer = transformers.AutoTokenizer.from_pretrained(HERE / "tinyTokenizer")
    backend = tokenizer.backend_tokenizer
    return {
        "texts": [
            {
                "text": text,
                "ids": backend.encode(text, add_special_tokens=False).ids,
                "idsWithSpecial": backend.encode(text, add_special_tokens=True).ids,
                "decoded": backend.decode(backend.encode(text, add_special_tokens=False).ids, skip_special_tokens=True),
            }
            for text in TEXTS
        ],
        "conversations": [
            {
                "messages": messages,
                "text": tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True),
                "ids": backend.encode(
                    tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True),
                    add_special_tokens=False,
                ).ids,
            }
            for messages in CONVERSATIONS
        ],
    }


def story_goldens(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(Path(folder) / "tokenizer.json"))
    ids = tokenizer.backend_tokenizer.encode(STORY, add_special_tokens=True).ids
    sequence = {"ids": ids, "isResponseToken": [False] + [True] * (len(ids) - 1)}
    greedy = model.generate(torch.tensor([[ids[0]]]), do_sample=False, max_new_tokens=60)
    return {
        "text": STORY,
        "ids": ids,
        "logProbs": numbers(response_log_probs(model, sequence)),
        "greedyIds": greedy[0, 1:].tolist(),
    }


def make(stories):
    torch.manual_seed(11)
    model_file = HERE / "model.json"
    before = json.loads(model_file.read_text()) if model_file.exists() else {}
    tied = saved(transformers.LlamaForCausalLM, "tied", torch.float32, tie_word_embeddings=True)
    # Heads wider than hidden / heads, other rotary base and epsilon, bfloat16.
    untied = saved(
        transformers.LlamaForCausalLM,
        "untied",
        torch.bfloat16,
        tie_word_embeddings=False,
        head_dim=12,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        rms_norm_eps=1e-3,
    )
    reward = saved(transformers.LlamaForSequenceClassification, "reward", torch.float16, num_labels=1)
    goldens = {
        "tied": language_model(tied, GRADIENTS),
        "untied": language_model(untied, [*GRADIENTS, "lm_head.weight"]),
        "reward": {
            "sequences": SEQUENCES,
            "rewards": [numbers(reward(torch.tensor([sequence["ids"]])).logits)[0] for sequence in SEQUENCES],
        },
        "stories": story_goldens(stories) if stories else before.get("stories"),
    }
    model_file.write_text(json.dumps(goldens, separators=(",", ":")) + "\n")
    text = json.dumps(tokenizer_goldens(), ensure_ascii=True, indent=0)
    (HERE / "tokenizer.json").write_text(text + "\n")


def check(folder, ids, text, chat):
    config = json.loads((Path(folder) / "config.json").read_text())
    kind = getattr(transformers, config["architectures"][0])
    model, info = kind.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    result = {name: sorted(map(str, info[name])) for name in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    output = model.eval()(torch.tensor([ids])).logits[0]
    result["logits"] = values(output)
    if text is not None:
        result["ids"] = transformers.AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
    if chat is not None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        rendered = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        result["chatIds"] = tokenizer(rendered, add_special_tokens=False)["input_ids"]
        # Ids alone, as in a first try: transformers then takes every pad token among them for padding.
        output = model.generate(torch.tensor([result["chatIds"]]), do_sample=False, max_new_tokens=NEW_TOKENS)
        result["greedyIds"] = output[0, len(result["chatIds"]) :].tolist()
    print(json.dumps(result))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--stories")
    parser.add_argument("--check")
    parser.add_argument("--ids", type=lambda given: [int(part) for part in given.split(",")])
    parser.add_argument("--text")
    parser.add_argument("--chat", type=json.loads)
    given = parser.parse_args()
    if given.check:
        check(given.check, given.ids, given.text, given.chat)
    else:
        make(given.stories)
