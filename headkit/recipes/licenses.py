"""Terms of the weights that presets name, as their repositories gave them when this was written: read them yourself."""

from __future__ import annotations

from headkit.recipes.recipe import License

APACHE = License(
    "apache-2.0",
    "nothing is said of images; training on them is free",
    "https://www.apache.org/licenses/LICENSE-2.0",
)
MIT = License(
    "mit",
    "nothing is said of images; training on them is free",
    "https://opensource.org/license/mit",
)
OPENRAIL = License(
    "openrail++",
    "no rights claimed in images; the uses of attachment A are forbidden, of images too",
    "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
)
BYTEDANCE = License(
    "bytedance-openrail",
    "as openrail++; its list of forbidden uses holds for images too",
    "https://huggingface.co/ByteDance/Hyper-SD/blob/main/LICENSE.md",
)
STABILITY_RESEARCH = License(
    "sai-nc-research",
    "research alone; a model trained on images counts as a derivative of the weights",
    "https://huggingface.co/stabilityai/sdxl-turbo/blob/main/LICENSE.md",
    training=False,
)
FLUX_DEV = License(
    "flux-dev-nc",
    "not commercial; images may not train a model that competes",
    "https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md",
    training=False,
)
CC_BY_NC = License(
    "cc-by-nc-4.0",
    "not commercial; nothing is said of images",
    "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
)

# Repositories whose terms forbid it to train others on their images, whoever names them.
FORBIDDING: dict[str, License] = {
    "stabilityai/sdxl-turbo": STABILITY_RESEARCH,
    "stabilityai/sd-turbo": STABILITY_RESEARCH,
    "black-forest-labs/FLUX.1-dev": FLUX_DEV,
}
