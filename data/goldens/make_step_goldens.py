"""Makes steps.json: loss and gradients of one step of SFT, reward model and PPO, by PyTorch on the models in llamas/.

Run:  python data/goldens/make_step_goldens.py

Needs torch and transformers; the file here was made with torch 2.13 and transformers 5.23 on a CPU. Of each gradient it
keeps the Euclidean norm and some values evenly spread over it, so that the file stays small.
"""

import json
import math
from pathlib import Path

import torch
import transformers
from torch.nn import functional as F

HERE = Path(__file__).parent
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

# Three sequences of unequal length over the ids 3 to 95; the first PROMPT tokens of each are the prompt.
PROMPT = 3
LENGTHS = [12, 7, 10]
TEMPERATURE = 0.7
CLIP_RANGE = 0.2
VALUE_CLIP_RANGE = 0.2
CENTERING = 0.01
SAMPLES = 12


def load(name, kind):
    model = kind.from_pretrained(HERE / "llamas" / name, dtype=torch.float32)
    return model.train()


def sequence(row, length):
    return [3 + (17 * i * i + 29 * row + 5 * i) % 93 for i in range(length)]


def hidden_states(model, ids):
    """[time, hidden] of one sequence alone: no padding is involved."""
    return model.model(torch.tensor([ids])).last_hidden_state[0]


def log_probs(model, ids, temperature):
    """Log-probability of each response token."""
    logits = model.lm_head(hidden_states(model, ids)) / temperature
    every = F.log_softmax(logits[:-1], dim=-1)
    return every[torch.arange(len(ids) - 1), torch.tensor(ids[1:])][PROMPT - 1 :]


def numbers(values):
    return [float(f"{float(value):.9g}") for value in values]


def step_of(model, loss):
    model.zero_grad()
    loss.backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        flat = parameter.grad.reshape(-1)
        count = min(SAMPLES, flat.numel())
        at = [i * flat.numel() // count for i in range(count)]
        gradients[name] = {"norm": numbers([flat.double().norm()])[0], "at": at, "values": numbers(flat[at])}
    return {"loss": numbers([loss])[0], "gradients": gradients}


sequences = [sequence(row, length) for row, length in enumerate(LENGTHS)]
tokens = sum(length - PROMPT for length in LENGTHS)

policy = load("tied", transformers.LlamaForCausalLM)
sft_loss = -torch.cat([log_probs(policy, ids, 1.0) for ids in sequences]).sum() / tokens
sft = step_of(policy, sft_loss)

# The roll-out's own figures, off the model's by known amounts, so that some ratios and values are clipped.
with torch.no_grad():
    now = [log_probs(policy, ids, TEMPERATURE) for ids in sequences]
lessons = []
for row, current in enumerate(now):
    old = [float(value) + 0.4 * math.sin(3 * row + 2 * t) for t, value in enumerate(current)]
    lessons.append(
        {
            "logProbs": numbers(old),
            "advantages": numbers(math.cos(5 * row + t) for t in range(len(old))),
            "values": numbers(0.5 * math.sin(row + t) for t in range(len(old))),
            "returns": numbers(math.cos(2 * row + 3 * t) for t in range(len(old))),
        }
    )


def column(name):
    return torch.tensor([value for lesson in lessons for value in lesson[name]], dtype=torch.float32)


ratio = torch.exp(torch.cat([log_probs(policy, ids, TEMPERATURE) for ids in sequences]) - column("logProbs"))
advantages = column("advantages")
clipped = torch.clamp(ratio, 1 - CLIP_RANGE, 1 + CLIP_RANGE)
policy_step = step_of(policy, torch.maximum(-advantages * ratio, -advantages * clipped).mean())

critic = load("reward", transformers.LlamaForSequenceClassification)
values = torch.cat([(hidden_states(critic, ids) @ critic.score.weight.T)[PROMPT - 1 : -1, 0] for ids in sequences])
old_values, returns = column("values"), column("returns")
near = old_values + torch.clamp(values - old_values, -VALUE_CLIP_RANGE, VALUE_CLIP_RANGE)
value_step = step_of(critic, 0.5 * torch.maximum((values - returns) ** 2, (near - returns) ** 2).mean())

# Pairs of sequences, chosen and rejected, with soft labels.
pairs = [
    {"chosen": 0, "rejected": 1, "softLabel": 1.0, "margin": 0.0},
    {"chosen": 2, "rejected": 0, "softLabel": 0.8, "margin": 0.3},
]
rewards = torch.stack([(hidden_states(critic, ids) @ critic.score.weight.T)[-1, 0] for ids in sequences])
losses = []
for pair in pairs:
    chosen, rejected = rewards[pair["chosen"]], rewards[pair["rejected"]]
    difference, label = chosen - rejected - pair["margin"], pair["softLabel"]
    likelihood = label * F.logsigmoid(difference) + (1 - label) * F.logsigmoid(-difference)
    losses.append(-likelihood + CENTERING * (chosen + rejected) ** 2)
reward_step = step_of(critic, torch.stack(losses).mean())

golden = {
    "prompt": PROMPT,
    "sequences": sequences,
    "settings": {
        "temperature": TEMPERATURE,
        "clipRange": CLIP_RANGE,
        "valueClipRange": VALUE_CLIP_RANGE,
        "centering": CENTERING,
    },
    "lessons": lessons,
    "pairs": pairs,
    "clippedRatios": int(((ratio < 1 - CLIP_RANGE) | (ratio > 1 + CLIP_RANGE)).sum()),
    "steps": {"sft": sft, "reward": reward_step, "policy": policy_step, "value": value_step},
}
(HERE / "steps.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
