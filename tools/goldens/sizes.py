"""Which cases there are and how large: extents that divide no block evenly, each different from its neighbour."""

V2 = {
    "max_position_embeddings": 128,
    "num_hidden_layers": 2,
    "rms_norm_eps": 1e-5,
    "rope_theta": 1e6,
    "use_moe": False,
    "num_experts_per_tok": 2,
    "norm_topk_prob": True,
    "n_routed_experts": 3,
    "n_shared_experts": 2,
    "aux_loss_alpha": 0.1,
    "seq_aux": True,
}
V3 = {
    "max_position_embeddings": 128,
    "num_hidden_layers": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "use_moe": False,
    "num_experts_per_tok": 1,
    "norm_topk_prob": True,
    "num_experts": 5,
    "router_aux_loss_coef": 5e-4,
    "tie_word_embeddings": True,
    "inference_rope_scaling": False,
    "rope_scaling": None,
    "image_ids": [12],
}
YARN = {
    "beta_fast": 32,
    "beta_slow": 1,
    "factor": 16,
    "original_max_position_embeddings": 2048,
    "attention_factor": 1.0,
    "type": "yarn",
}


def v2(width, heads, kv, inner, vocabulary, images, features, **more):
    sizes = {"hidden_size": width, "num_attention_heads": heads, "num_key_value_heads": kv}
    sizes |= {"intermediate_size": inner, "vocab_size": vocabulary, "image_ids": [34] * images}
    return {**V2, **sizes, "(fixture) image_hidden_size": features, **more}


def v3(width, heads, kv, head, inner, vocabulary, images, features, **more):
    sizes = {"hidden_size": width, "num_attention_heads": heads, "num_key_value_heads": kv, "head_dim": head}
    sizes |= {"intermediate_size": inner, "moe_intermediate_size": inner, "vocab_size": vocabulary}
    return {**V3, **sizes, "image_token_len": images, "image_hidden_size": features, **more}


FULL = ("img0", "img1", "img2", "mixed", "surplus_runs", "short_run", "masked", "adjacent")
SOME = ("img0", "img1", "mixed", "masked")
CASES = {
    "v2-dense": (v2(20, 5, 1, 28, 67, 3, 21), FULL, {"pretrain", "sft"}),
    "v2-moe": (v2(18, 3, 3, 14, 61, 3, 13, use_moe=True), SOME, {"pretrain"}),
    "v3-dense": (v3(22, 6, 2, 4, 21, 71, 5, 19, num_hidden_layers=3), FULL[:-1], {"freeze_llm_1", "freeze_llm_2"}),
    "v3-moe": (v3(14, 2, 1, 10, 12, 59, 4, 18, use_moe=True), SOME, {"freeze_llm_0", "freeze_llm_2"}),
}
SMALL = ("img0", "img1")
VARIANTS = {
    "v2-moe-batchaux-nonorm": v2(12, 3, 1, 10, 53, 2, 9, use_moe=True, seq_aux=False, norm_topk_prob=False),
    "v2-moe-top1-noshared": v2(12, 2, 2, 10, 53, 2, 9, use_moe=True, num_experts_per_tok=1, n_shared_experts=0),
    "v3-moe-top2": v3(12, 3, 1, 6, 10, 53, 3, 9, use_moe=True, num_experts_per_tok=2),
    "v3-untied": v3(12, 1, 1, 14, 10, 53, 3, 9, tie_word_embeddings=False),
    "v3-yarn": v3(12, 2, 1, 14, 10, 53, 3, 9, max_position_embeddings=32768, inference_rope_scaling=True,
                  rope_scaling=YARN),
}  # fmt: skip

TOWERS = {
    "clip/clip-tiny": {
        "image_size": 24,
        "patch_size": 6,
        "hidden_size": 20,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 36,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
        "projection_dim": 7,
    },
    "siglip/siglip-tiny": {
        "image_size": 21,
        "patch_size": 7,
        "hidden_size": 18,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 29,
        "hidden_act": "gelu_pytorch_tanh",
        "layer_norm_eps": 1e-6,
    },
}
