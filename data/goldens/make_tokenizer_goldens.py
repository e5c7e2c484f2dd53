"""Makes tokenizers/ (small tokenizers of every kind that is served) and tokenizers.json (what Hugging Face tokenizers and
transformers make of texts, ids and conversations with them).

Run:  python data/goldens/make_tokenizer_goldens.py [--fixtures DIR]

Needs tokenizers and transformers; the files here were made with tokenizers 0.23 and transformers 5.23. The tokenizers are
trained on the text below, which was written for them. --fixtures takes the folder that holds stories260K; without it, its
part of tokenizers.json stays as it is.
"""

import argparse
import json
import shutil
from random import Random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

HERE = Path(__file__).parent
TARGET = HERE / "tokenizers"

CORPUS = [
    "The lamp stood on the window sill, and the lamp was older than the house.",
    "She couldn't say why it's warm; they'd've known, we'll ask them, I'm sure you're right.",
    "  Two spaces begin this line, and    four stand in it.\n\n\tA tab, then a new paragraph.\r\n",
    "In 1987 there were 12,345 boats; by 2024 only 77 were left, 3.5 % of them green.",
    "灯在窗台上。她不知道为什么房子是暖的。我们去问他们，他们会知道的。",
    "Où est la forêt ? Là-bas, près de l'église; ça va, garçon, naïve façade.",
    "Ist das schön? Größe, Straße, Übermut, ärgerlich.",
    "if (lamp != house) { return window[i] + 2 * x; } // the end\nfor i in range(10): print(i)\n",
    "A smile 😀 and a family 👩‍👩‍👧 went to 🇨🇳 with ☕️.",
    "Ω ≈ ∑ √ 2 π — “quoted” … ‘single’ ½ Ⅷ ٣٤",
] * 4

TEXTS = [
    "",
    " ",
    "   ",
    "\n",
    "\n\n\n",
    "lamp",
    " lamp",
    "  lamp",
    "lamp ",
    "lamp  ",
    " the  lamp   stood    there ",
    "The lamp stood on the window sill.",
    "I can't, you'll see; they'd've GONE 12 345 times! 'Tis 'S 'LL",
    "tab\tand\r\nline\n  indent\n\n\tend\n",
    "什么是好的？她说的是他的灯。",
    "emoji: 👩‍👩‍👧 🇨🇳 ☕️ 😀 🏳️‍🌈 \U0001faf6",
    "nai\u0308ve cafe\u0301 \u0301 a\u0301\u0323",
    "ﬁne ﷺ Å ½ Ⅷ ² ①",
    "\u0000\u0001\u007f\u00ad\u200b\u200d\ufeff\ufffd",
    "\u00a0non\u00a0breaking\u2003em\u3000ideographic",
    "▁literal▁metaspace ▁ ▁▁",
    "Ġliteral Ġ Ċ",
    "code: if (a != b) { return x[i]; } // ok",
    "1234567 3.14159 -5 1e10 0x1F",
    "مرحبا بالعالم שלום नमस्ते ภาษาไทย 한국어 にほんご",
    "<s>hi</s> <|im_start|>user\nhi<|im_end|>\n",
    " <|im_start|> x <|im_end|> ",
    "<tool>call</tool> a<tool>b",
    "lamps unlamp lamp's lampost",
    "<|im_star", "</", "<0x41><0x0A>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "Zürich\u2028para\u2029sep\x85next",
    "x" * 3 + "\U00010348" + "𝔘𝔫𝔦",
]

LLAMA3_LIKE = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_LIKE = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TOKENS = ["<|im_start|>", "<|im_end|>"]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ (message['content'] or '') + '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>' + '\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level(pattern, ignore_merges=False, normalizer=None, use_regex=False, prefix=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    level = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)
    tokenizer.pre_tokenizer = (
        level
        if pattern is None
        else pre_tokenizers.Sequence([pre_tokenizers.Split(pattern, behavior="isolated", invert=False), level])
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<|endoftext|>"] + CHAT_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer, dict(bos_token="<|endoftext|>", eos_token="<|im_end|>", pad_token="<|endoftext|>")


def llama3():
    tokenizer, tokens = byte_level(LLAMA3_LIKE, ignore_merges=True)
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|endoftext|> $A",
                pair="<|endoftext|> $A <|endoftext|> $B",
                special_tokens=[("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>"))],
            ),
        ]
    )
    return tokenizer, tokens


def sentencepiece_bpe(style):
    """BPE with byte fallback. 'legacy': Llama 2 (normalizer Prepend and Replace); 'metaspace': prepend_scheme first; 'gemma'."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=260 + 230, special_tokens=special + BYTE_TOKENS, limit_alphabet=60)
    tokenizer.train_from_iterator(CORPUS, trainer)
    data = json.loads(tokenizer.to_str())
    # Byte tokens are ordinary entries of the vocabulary, not special tokens.
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    strip = [decoders.Strip(content=" ", left=1)]
    if style == "legacy":
        tokenizer.pre_tokenizer = None
        tokenizer = without_pre_tokenizer(tokenizer)
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    elif style == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous", invert=False)
        strip = []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in CHAT_TOKENS])
    return tokenizer, dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>")


def without_pre_tokenizer(tokenizer):
    data = json.loads(tokenizer.to_str())
    data["pre_tokenizer"] = None
    return Tokenizer.from_str(json.dumps(data))


def unigram(byte_fallback):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    special = ["<pad>", "</s>", "<unk>"] + (BYTE_TOKENS if byte_fallback else [])
    trainer = trainers.UnigramTrainer(vocab_size=260 * byte_fallback + 260, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator(CORPUS, trainer)
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] in special[:3]]
    data["model"]["byte_fallback"] = byte_fallback
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.decoder = (
        decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(replacement="▁", prepend_scheme="always")])
        if byte_fallback
        else decoders.Metaspace(replacement="▁", prepend_scheme="always")
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in CHAT_TOKENS])
    return tokenizer, dict(eos_token="</s>", unk_token="<unk>", pad_token="<pad>")


def added_tokens():
    """Byte-level, with added tokens of each sort: special, ordinary, stripped left and right, single word."""
    tokenizer, tokens = byte_level(None, use_regex=True, prefix=True)
    tokenizer.add_tokens(
        [
            AddedToken("<tool>", special=False, normalized=False),
            AddedToken("</tool>", special=False, normalized=False, lstrip=True, rstrip=True),
            AddedToken("lampost", special=False, normalized=True),
        ]
    )
    return tokenizer, tokens


USER = {"role": "user", "content": "Is the lamp warm? "}
REPLY = {"role": "assistant", "content": "It's warm — 很暖 😀"}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weigh",
            "description": "Weighs a lamp.",
            "parameters": {"type": "object", "properties": {"lamp": {"type": "string"}}, "required": ["lamp"]},
        },
    }
]
CONVERSATIONS = {
    "one turn": {"messages": [USER]},
    "reply": {"messages": [USER, REPLY]},
    "two replies": {
        "messages": [{"role": "system", "content": "Be short.\n"}, USER, REPLY, {"role": "user", "content": "x"}, {"role": "assistant", "content": ""}]
    },
    "tools": {
        "messages": [
            USER,
            {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "weigh", "arguments": {"lamp": "old", "n": 2}}}]},
            {"role": "tool", "name": "weigh", "content": "3 kg"},
            REPLY,
        ],
        "tools": TOOLS,
    },
    "documents": {"messages": [USER, REPLY], "documents": [{"title": "Lamps", "text": "Old ones are warm."}]},
}
# Written for these goldens, in the manner of templates that are about: marks with stripped white space, [INST], tools as
# JSON, namespaces, loop variables, filters, documents, a date.
TEMPLATES = {
    "chatml": CHATML,
    "stripped": """{%- set ns = namespace(system='none') -%}
{%- for message in messages %}
    {%- if message.role == 'system' %}
        {%- set ns.system = message.content | trim %}
    {%- elif message.role == 'assistant' %}
        {%- if message.tool_calls %}
{{- '<tool>' + (message.tool_calls[0].function | tojson) + '</tool>' }}
        {%- else %}
            {%- generation -%}
            {{ '<|im_start|>' ~ message.content ~ '<|im_end|>' }}
            {%- endgeneration -%}
        {%- endif %}
    {%- else %}
{{- '\n[' + message.role | upper + '|' + loop.index0 | string + '] ' + message.content | trim + (' (last)' if loop.last else '') }}
    {%- endif %}
{%- endfor %}
{%- if tools %}{{ '\nTOOLS ' }}{{ tools | tojson(indent=2) }}{% endif %}
{%- if documents %}{% for document in documents %}
{{ document['title'] }}: {{ document.text }}
{% endfor %}{% endif %}
{{ ns.system }}
{%- if add_generation_prompt %}{{ '<|im_start|>' }}{% endif %}""",
    "unmarked": "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}{{ ' ' + (m['content'] or '') + ' ' + eos_token }}"
    "{% elif m['role'] == 'user' %}{{ '[INST] ' + m['content'].strip() + ' [/INST]' }}{% else %}{{ '<<' + m.role + '>>' + m['content'] }}{% endif %}{% endfor %}",
}


def conversations_of(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for template_name, template in TEMPLATES.items():
        for name, conversation in CONVERSATIONS.items():
            options = {key: conversation.get(key) for key in ("tools", "documents")}
            render = lambda **more: tokenizer.apply_chat_template(
                conversation["messages"], chat_template=template, **options, **more
            )
            row = {"template": template_name, "name": name, "messages": conversation["messages"]}
            row |= {key: value for key, value in options.items() if value is not None}
            row["text"] = render(tokenize=False)
            row["prompt"] = render(tokenize=False, add_generation_prompt=True)
            row["promptIds"] = render(add_generation_prompt=True, return_dict=True)["input_ids"]
            if "generation" in template:
                masked = render(return_dict=True, return_assistant_tokens_mask=True)
                row |= {"ids": masked["input_ids"], "mask": masked["assistant_masks"]}
            rows.append(row)
    return rows


KINDS = {
    "byteLevelGpt2": lambda: byte_level(None, use_regex=True),
    "byteLevelLlama3": llama3,
    "byteLevelQwen": lambda: byte_level(QWEN_LIKE, normalizer=normalizers.NFC()),
    "byteLevelAdded": added_tokens,
    "byteFallbackLegacy": lambda: sentencepiece_bpe("legacy"),
    "byteFallbackMetaspace": lambda: sentencepiece_bpe("metaspace"),
    "byteFallbackGemma": lambda: sentencepiece_bpe("gemma"),
    "unigram": lambda: unigram(False),
    "unigramByteFallback": lambda: unigram(True),
}


def goldens_of(tokenizer, texts):
    rows = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False)
        rows.append(
            {
                "text": text,
                "ids": ids,
                "idsWithSpecial": tokenizer.encode(text, add_special_tokens=True),
                "decoded": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False),
            }
        )
    return rows


def decoded_of(tokenizer, seed):
    """Decoded texts of ids drawn at random: pieces of characters, special tokens in the middle."""
    random = Random(seed)
    lists = [[random.randrange(len(tokenizer)) for _ in range(random.randrange(1, 12))] for _ in range(30)]
    return [
        {"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)}
        for ids in lists
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixtures", type=Path)
    arguments = parser.parse_args()
    path = HERE / "tokenizers.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    result = {}
    shutil.rmtree(TARGET, ignore_errors=True)
    for name, make in KINDS.items():
        folder = TARGET / name
        folder.mkdir(parents=True)
        inner, tokens = make()
        fast = PreTrainedTokenizerFast(tokenizer_object=inner, clean_up_tokenization_spaces=False, **tokens)
        fast.chat_template = CHATML
        fast.save_pretrained(folder, save_jinja_files=False)
        data = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        (folder / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
        loaded = AutoTokenizer.from_pretrained(folder)
        result[name] = {"texts": goldens_of(loaded, TEXTS), "decoded": decoded_of(loaded, len(result))}
        if name in ("byteLevelQwen", "byteFallbackMetaspace"):
            result[name]["conversations"] = conversations_of(folder)
    if arguments.fixtures is not None:
        stories = AutoTokenizer.from_pretrained(arguments.fixtures / "stories260K")
        result["stories260K"] = {"texts": goldens_of(stories, TEXTS), "decoded": decoded_of(stories, 99)}
    elif "stories260K" in known:
        result["stories260K"] = known["stories260K"]
    result["templates"] = TEMPLATES
    path.write_text(json.dumps(result, ensure_ascii=True, separators=(",", ":")) + "\n", "utf-8")
    print({name: len(golden) for name, golden in result.items()})


main()
