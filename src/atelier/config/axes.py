"""The axes of choice: each is a folder of conf/, and an option of it is chosen by one word."""

AXES: dict[str, str] = {
    "model": "what is trained",
    "data": "on which images",
    "experiment": "a whole recipe with its paper: model, data and all settings by one word",
    "objective": "the losses of a game: GANs and CycleGAN",
    "regularizer": "a penalty on the critic of a game",
    "augment": "what a GAN's critic sees of images, real and made",
    "latent": "a GAN's source of chance",
    "condition": "whether a GAN is told the class",
    "generator": "CycleGAN's two generators",
    "discriminator": "CycleGAN's two critics",
    "network": "an autoencoder's encoder and decoder",
    "code": "what an autoencoder's encoder gives",
    "output": "what an autoencoder's decoder gives",
    "reconstruction": "an autoencoder's loss",
    "corruption": "noise on an autoencoder's input",
    "sparsity": "a penalty on an autoencoder's code",
    "init": "the first weights",
    "schedule": "learning rates over the epochs",
    "trainer": "on which devices, for how long, how precisely",
    "logger": "where curves go; several as 'logger=[tensorboard,wandb]'",
    "metric": "which scores are taken (follows from model and data)",
    "extractor": "whose features the scores compare (follows from data)",
    "picture": "how samples are drawn (follows from model and data)",
    "callback": "what watches a run (follows from model)",
    "search": "how a sweep (-m) goes through its values",
}
"""Every axis that a verb is composed of, in the order in which people meet them."""

PARTS = tuple(
    axis for axis in AXES if axis not in ("model", "data", "experiment", "trainer", "logger", "callback", "search")
)
"""Those that a model or a callback refers to by ``${...}``: set and referred to by nobody, they would be ignored."""
