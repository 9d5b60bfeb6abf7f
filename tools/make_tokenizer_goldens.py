"""Makes the small tokenizers of tests/fixtures/goldens/tokenizer and what they give, with Hugging Face's own code.

    python tools/make_tokenizer_goldens.py [--out DIR]

The tokenizers are trained on the texts of `goldens/tokenizer_text.py`. Ids come from the `tokenizers` package (Rust),
rendered chats from `jinja2` set up as `transformers` does, labels from the rules of upstream's data sets. Run
`deno fmt` on the result. Needs tokenizers and jinja2.
"""

import argparse
import hashlib
import json
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from goldens.tokenizer_text import CHATS, CORPUS, ROWS, STREAMS, STRINGS, TOOL_CHAT, TOOLS

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
V3_SPECIAL = CONTROL + ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
V3_PLAIN = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]

V2_TEMPLATE = """
{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou see and tell<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message['role'] == 'user' %}
        {{- '<|im_start|>user\\n' + message['content'] + '<|im_end|>\\n<|im_start|>assistant\\n' }}
    {%- elif message['role'] == 'assistant' %}
        {{- message['content'] + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}"""

V3_TEMPLATE = """
{%- set first = namespace(user=-1) %}
{%- for message in messages[::-1] %}
    {%- if message.role == 'user' %}
        {%- set first.user = messages|length - 1 - loop.index0 %}
    {%- endif %}
{%- endfor %}
{%- if tools %}
    {{- '<|im_start|>system\\n' + (messages[0].content + '\\n\\n' if messages[0].role == 'system' else '') }}
    {{- 'You may call:\\n<tools>' }}
    {%- for tool in tools %}
        {{- '\\n' + (tool | tojson) }}
    {%- endfor %}
    {{- '\\n</tools><|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
    {%- elif message.role == 'assistant' %}
        {%- set thoughts = '' %}
        {%- if message.reasoning_content is string %}
            {%- set thoughts = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set thoughts = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\\n<think>\\n' + thoughts.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- for call in message.tool_calls or [] %}
            {%- if content or not loop.first %}
                {{- '\\n' }}
            {%- endif %}
            {%- set call = call.function if call.function else call %}
            {{- '<tool_call>\\n{"name": "' + call.name + '", "arguments": ' }}
            {{- call.arguments if call.arguments is string else call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n<think>\\n' + ('' if open_thinking else '\\n</think>\\n\\n') }}
{%- endif %}"""

GENERATIONS = {
    "v2": {"special": CONTROL, "plain": [], "words": 420, "template": V2_TEMPLATE, "marker": "@"},
    "v3": {"special": V3_SPECIAL, "plain": V3_PLAIN, "words": 520, "template": V3_TEMPLATE, "marker": "<|image_pad|>"},
}
MARKERS = 4
SYSTEM_PROMPT = "你是一个知识丰富的AI，尽力为用户提供准确的信息。"
EMPTY_THOUGHTS = "<think>\n\n</think>\n\n"


def train(special, plain, words):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    added = [AddedToken(text, special=text in special, normalized=False) for text in special + plain]
    tokenizer.train_from_iterator(
        CORPUS.splitlines(keepends=True) + [CORPUS],
        trainers.BpeTrainer(
            vocab_size=words,
            special_tokens=added,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    file = json.loads(tokenizer.to_str())
    for token in file["added_tokens"]:
        token["special"] = token["content"] in special
    return file


def config_of(template, special):
    return {
        "add_prefix_space": False,
        "bos_token": "<|im_start|>",
        "eos_token": {"content": "<|im_end|>"} if len(special) > 3 else "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 512,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": template,
    }


class Chat:
    """A tokenizer with its template, as transformers puts them together."""

    def __init__(self, tokenizer, template):
        self.tokenizer = tokenizer
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
        self.template = environment.from_string(template)

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids, skip=False):
        return self.tokenizer.decode(ids, skip_special_tokens=skip)

    def render(self, messages, **options):
        return self.template.render(messages=messages, **{"tools": None, "add_generation_prompt": False, **options})


def encoded(chat):
    strings = []
    for text in STRINGS:
        ids = chat.encode(text)
        strings.append({"text": text, "ids": ids, "decoded": chat.decode(ids), "decoded_skip_special": chat.decode(ids, True)})
    streams = []
    for text in STREAMS:
        ids = chat.encode(text)
        prefixes = [chat.decode(ids[: i + 1]) for i in range(len(ids))]
        streams.append({"text": text, "ids": ids, "decoded_prefixes": prefixes})
    return {"strings": strings, "streaming_decode": streams}


def chats(chat, version):
    named = {name: [{"role": role, "content": text} for role, text in turns] for name, turns in CHATS.items()}
    result = []
    for name, messages in {**named, **({"tools_call": TOOL_CHAT} if version == "v3" else {})}.items():
        tools = TOOLS if name == "tools_call" else None
        rendered = chat.render(messages, tools=tools)
        prompt = chat.render(messages, tools=tools, add_generation_prompt=True)
        case = {"name": name, "messages": messages, "tools": tools, "rendered": rendered, "rendered_generation_prompt": prompt}
        if version == "v3":
            thinking = chat.render(messages, tools=tools, add_generation_prompt=True, open_thinking=True)
            case["rendered_open_thinking"] = thinking
        case["ids_rendered"] = chat.encode(rendered)
        case["ids_rendered_generation_prompt"] = chat.encode(prompt)
        result.append(case)
    return {"chats": result}


def answers(ids, header, end, skip):
    """Upstream's search: `skip` any tokens after the header and after the end."""
    marked = [False] * len(ids)
    i = 0
    while i < len(ids):
        if ids[i : i + len(header)] != header:
            i += 1
            continue
        stop = start = i + len(header)
        while stop < len(ids) and ids[stop : stop + len(end)] != end:
            stop += 1
        for place in range(start + skip, min(stop + len(end) + skip, len(ids))):
            marked[place] = True
        i = stop + len(end)
    return marked


def cut_at(where, ids, marked, header, end, marker):
    runs = [i for i in range(len(ids)) if marked[i] and not (i and marked[i - 1])]
    ends = [i for i in range(len(ids)) if ids[i : i + len(end)] == end and marked[i]]
    places = {
        None: lambda: len(ids) + 7,
        "middle of the last answer": lambda: (runs[-1] + len(ids)) // 2,
        "before the last answer": lambda: runs[-1] - len(header) - 9,
        "in the image": lambda: ids.index(marker) + MARKERS - 1,
        "after the first answer's end": lambda: ends[0] + 1,
    }
    return places[where]()


def labels(chat, version, marker):
    newline = "\n" if version == "v3" else ""
    header, end = chat.encode("<|im_start|>assistant" + newline), chat.encode("<|im_end|>" + newline)
    items = []
    for name, (turns, where) in ROWS.items():
        for mode in ["plain", "system_and_think"] if version == "v3" else ["plain"]:
            items.append(row(chat, (name, mode, turns, where), (header, end, version, marker)))
    return {"bos_id": header, "eos_id": end, "pad_token_id": 0, "items": items}


def row(chat, given, rule):
    name, mode, turns, where = given
    header, end, version, marker = rule
    roles = ["user" if i % 2 == 0 else "assistant" for i in range(len(turns))]
    messages = [{"role": role, "content": text.replace("<image>", marker * MARKERS)} for role, text in zip(roles, turns)]
    if mode == "system_and_think":
        messages = [{"role": "system", "content": SYSTEM_PROMPT}] + messages
    prompt = chat.render(messages)
    if mode == "plain" and version == "v3":
        prompt = prompt.replace(EMPTY_THOUGHTS, "")
    ids = chat.encode(prompt)
    skip = 1 if version == "v2" else 0
    length = cut_at(where, ids, answers(ids, header, end, skip), header, end, chat.encode(marker)[0])
    padded = (ids[:length] + [0] * length)[:length]
    # Upstream searches the padded ids; an answer that never ends would take the padding in, so none is among the rows.
    marked = answers(padded, header, end, skip)
    item = {
        "name": name,
        "mode": mode,
        "conversations": [{"role": role, "content": text} if version == "v3" else {"content": text} for role, text in zip(roles, turns)],
        "max_length": length,
        "image_token_len": MARKERS,
        "prompt": prompt,
        "prompt_token_count": len(ids),
    }
    if version == "v2":
        return {**item, "X": padded[:-1], "Y": padded[1:], "loss_mask": [int(each) for each in marked[1:]]}
    return {**item, "input_ids": padded, "labels": [i if keep else -100 for i, keep in zip(padded, marked)]}


def layout(value, indent=0):
    """JSON with lists of numbers on one line."""
    flat = isinstance(value, list) and not any(isinstance(each, (list, dict, str)) for each in value)
    if not isinstance(value, (dict, list)) or not value or flat:
        return json.dumps(value, ensure_ascii=False)
    pad = "  " * (indent + 1)
    if isinstance(value, dict):
        items = [f"{json.dumps(key, ensure_ascii=False)}: {layout(each, indent + 1)}" for key, each in value.items()]
    else:
        items = [layout(each, indent + 1) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(pad + item for item in items) + "\n" + pad[2:] + closing


def write(path, value):
    text = layout(value) + "\n"
    path.write_text(text, "utf-8")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parent.parent / "tests" / "fixtures" / "goldens" / "tokenizer"
    parser.add_argument("--out", metavar="DIR", type=Path, default=default)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    (out / "corpus.txt").write_text(CORPUS, "utf-8")
    for version, generation in GENERATIONS.items():
        folder = out / version
        folder.mkdir(parents=True, exist_ok=True)
        special, template = generation["special"], generation["template"]
        file = train(special, generation["plain"], generation["words"])
        text = write(folder / "tokenizer.json", file)
        write(folder / "tokenizer_config.json", config_of(template, special))
        chat = Chat(Tokenizer.from_str(text), template)
        head = {"version": version, "set": "fixtures"}
        write(out / f"encode-{version}.json", {**head, **encoded(chat)})
        write(out / f"chat-{version}.json", {**head, **chats(chat, version)})
        write(out / f"labels-{version}.json", {**head, **labels(chat, version, generation["marker"])})


main()
