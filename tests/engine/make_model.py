"""Makes a tiny language model with random weights: real inference, no meaning, nothing downloaded.

    python make_model.py DIRECTORY

A two-layer Llama of some 200,000 parameters with a byte-level tokenizer trained on the lines below. Its
answers are noise, but the engine tokenizes, samples, streams and counts exactly as it does for a large one.
"""

import json
import os
import sys

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models import llama
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 512
END = "<|end|>"

# Whatever the tokenizer learns its merges from; any text would do.
LINES = [
    "A waybill travels with the goods and says where they came from and what the way has cost.",
    "One key, one endpoint, many providers; every call is counted and every answer is on record.",
    "the quick brown fox jumps over the lazy dog 0123456789 {\"json\": [true, false, null]}",
    "Grüße aus Köln, καλημέρα, здравствуйте, こんにちは, 🚚📦",
]

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}" + END + "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(LINES, trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        special_tokens=[END, "<|system|>", "<|user|>", "<|assistant|>"],
    ))
    return tokenizer


def make_weights(config):
    mx.random.seed(7)
    model = llama.Model(llama.ModelArgs.from_dict(config))
    weights = {}
    for name, value in tree_flatten(model.parameters()):
        # Norms stay at one; wide random matrices make every next token a fresh surprise.
        weights[name] = value if "norm" in name else mx.random.normal(value.shape) * 0.2
    return weights


def write_json(directory, name, content):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)


def main(directory):
    os.makedirs(directory, exist_ok=True)
    tokenizer = make_tokenizer()
    end = tokenizer.token_to_id(END)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
        "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "max_position_embeddings": 65536, "tie_word_embeddings": False,
        "vocab_size": tokenizer.get_vocab_size(), "bos_token_id": end, "eos_token_id": end,
    }
    tokenizer.save(os.path.join(directory, "tokenizer.json"))
    write_json(directory, "config.json", config)
    write_json(directory, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "model_max_length": 65536,
        "chat_template": TEMPLATE, "clean_up_tokenization_spaces": False,
    })
    mx.save_safetensors(os.path.join(directory, "model.safetensors"), make_weights(config), {"format": "mlx"})
    print(f"end token {end}, vocabulary {config['vocab_size']}")


if __name__ == "__main__":
    main(sys.argv[1])
