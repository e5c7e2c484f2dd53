"""TRL on CUDA: the four workloads of bench/workloads.ts on the shapes that fill a GPU; one JSON line each.

Run: python3 bench/peer/gpu_bench.py --shape gpu350m --workloads sft,reward,rollout,ppo --precision float32
Needs torch with CUDA, transformers, accelerate and trl. `float32` computes products as this project's kernels do; `tf32`
and `bf16` (autocast) use the tensor cores, with 10 and 7 bits of mantissa.
"""
import argparse, gc, json, logging, os, tempfile, time, warnings
os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRL_EXPERIMENTAL_SILENCE="1", WANDB_DISABLED="true")
warnings.filterwarnings("ignore")
parser = argparse.ArgumentParser()
parser.add_argument("--shape", default="gpu350m")
parser.add_argument("--workloads", default="sft,reward,rollout,ppo")
parser.add_argument("--precision", default="float32", help="one or several of float32, tf32, bf16")
parser.add_argument("--steps", type=int, default=8, help="timed optimiser steps (two more warm up)")
parser.add_argument("--device", default="cuda")
args = parser.parse_args()
import torch, transformers
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification,
                          PreTrainedTokenizerFast, TrainerCallback)
transformers.logging.set_verbosity_error(); logging.disable(logging.WARNING)
on_cuda = args.device == "cuda"
# vocab, hidden, layers, heads, feed-forward, rows of a training step: as in bench/shapes.ts
SHAPES = {"gpu125m": (32000, 768, 12, 12, 2048, 8), "gpu350m": (32000, 1024, 24, 16, 2816, 8),
          "gpu1b": (32000, 2048, 18, 32, 5632, 4), "tiny": (512, 64, 2, 2, 128, 2)}
vocab, hidden, layers, heads, mlp, rows = SHAPES[args.shape]
LENGTH, PROMPT, PAIR = 1024, 256, 512
ROLLOUT_ROWS, ROLLOUT_PROMPT, NEW = 32, 128, 128


def config(**more):
    torch.manual_seed(0)
    return LlamaConfig(vocab_size=vocab, hidden_size=hidden, intermediate_size=mlp, num_hidden_layers=layers,
                       num_attention_heads=heads, tie_word_embeddings=True, max_position_embeddings=1024,
                       pad_token_id=0, bos_token_id=1, eos_token_id=2, **more)


def made(kind, config):
    with torch.device(args.device): return kind(config)


def causal(): return made(LlamaForCausalLM, config())
def scorer(): return made(LlamaForSequenceClassification, config(num_labels=1))


def tokenizer():
    words = {f"w{i}": i for i in range(vocab)}
    tok = Tokenizer(models.WordLevel(words, unk_token="w3")); tok.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tok, pad_token="w0", bos_token="w1", eos_token="w2", unk_token="w3")


def ids(count, length):
    return torch.randint(4, vocab, (count, length), generator=torch.Generator().manual_seed(1)).tolist()


def now():
    """The clock once the device is through with all that was asked of it."""
    if on_cuda: torch.cuda.synchronize()
    return time.perf_counter()


def median(values): return sorted(values)[len(values) // 2]


class Clock(TrainerCallback):
    """Collects the wall time from the end of each optimiser step to the end of the next."""
    def __init__(self): self.marks = []
    def on_step_end(self, *_, **__): self.marks.append(now())
    def median(self): return median([b - a for a, b in zip(self.marks[1:], self.marks[2:])])


def report(workload, tokens, seconds):
    peak = torch.cuda.max_memory_reserved() / 2**20 if on_cuda else 0
    print(json.dumps({"peer": "trl", "workload": workload, "shape": args.shape, "precision": precision,
                      "tokensPerSecond": round(tokens / seconds, 1), "seconds": round(seconds, 4),
                      "peakDeviceMiB": round(peak)}), flush=True)


def common(out, **more):
    return dict(output_dir=out, report_to=[], disable_tqdm=True, logging_strategy="no", save_strategy="no", use_cpu=not on_cuda,
                bf16=precision == "bf16", fp16=False, gradient_checkpointing=False, **more)


def sft(out):
    from trl import SFTConfig, SFTTrainer
    n = args.steps + 2
    data = [{"input_ids": r, "completion_mask": [0] * PROMPT + [1] * (LENGTH - PROMPT)} for r in ids(rows * n, LENGTH)]
    clock = Clock()
    SFTTrainer(model=causal(), processing_class=tokenizer(), train_dataset=Dataset.from_list(data), callbacks=[clock],
               args=SFTConfig(**common(out), max_steps=n, per_device_train_batch_size=rows, max_length=LENGTH,
                              completion_only_loss=True)).train()
    report("sft", rows * LENGTH, clock.median())


def reward(out):
    from trl import RewardConfig, RewardTrainer
    n = args.steps + 2
    a, b = ids(rows * n, PAIR), ids(rows * n, PAIR)[::-1]
    data = [{"chosen_ids": x, "rejected_ids": y} for x, y in zip(a, b)]
    clock = Clock()
    RewardTrainer(model=scorer(), processing_class=tokenizer(), callbacks=[clock], train_dataset=Dataset.from_list(data),
                  args=RewardConfig(**common(out), max_steps=n, per_device_train_batch_size=rows, max_length=PAIR)).train()
    report("reward", rows * 2 * PAIR, clock.median())


def rollout(out):
    model = causal().eval(); prompts = torch.tensor(ids(ROLLOUT_ROWS, ROLLOUT_PROMPT)).to(args.device); times = []
    for _ in range(4):
        start = now()
        with torch.no_grad(), torch.autocast(args.device, torch.bfloat16, enabled=precision == "bf16"):
            done = model.generate(prompts, attention_mask=torch.ones_like(prompts), max_new_tokens=NEW, min_new_tokens=NEW,
                                  do_sample=True, temperature=0.7, top_k=0, top_p=1.0, pad_token_id=0)
        times.append(now() - start)
        assert done.shape == (ROLLOUT_ROWS, ROLLOUT_PROMPT + NEW)
    report("rollout", ROLLOUT_ROWS * NEW, median(times[1:]))


def ppo(out):
    from trl.experimental.ppo import PPOConfig, PPOTrainer
    iterations = 3
    data = Dataset.from_list([{"input_ids": r} for r in ids(ROLLOUT_ROWS * (iterations + 1), ROLLOUT_PROMPT)])
    marks = []
    class Mark(TrainerCallback):
        def on_step_end(self, *_, **__): marks.append(now())
    trainer = PPOTrainer(
        args=PPOConfig(**common(out), total_episodes=ROLLOUT_ROWS * iterations, per_device_train_batch_size=ROLLOUT_ROWS,
                       gradient_accumulation_steps=1, num_mini_batches=1, num_ppo_epochs=4, response_length=NEW,
                       local_rollout_forward_batch_size=ROLLOUT_ROWS, num_sample_generations=0, temperature=0.7),
        processing_class=tokenizer(), model=causal(), ref_model=causal(), reward_model=scorer(), value_model=scorer(),
        train_dataset=data, eval_dataset=data, callbacks=[Mark()])
    trainer.train()
    report("ppo", ROLLOUT_ROWS * NEW, median([b - a for a, b in zip(marks, marks[1:])]))


for precision in args.precision.split(","):
  torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
  for name in args.workloads.split(","):
    gc.collect()
    if on_cuda: torch.cuda.empty_cache(); torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as out:
      {"sft": sft, "reward": reward, "rollout": rollout, "ppo": ppo}[name](out)
