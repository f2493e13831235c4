"""The verbs: what each is for, the commands that people need, and what its axes of choice decide."""

from __future__ import annotations

VERBS: dict[str, str] = {
    "train": "train a model on a data set",
    "evaluate": "score a checkpoint",
    "sample": "make pictures from a checkpoint",
    "encode": "write an autoencoder's codes of images",
    "reconstruct": "pass images through an autoencoder",
    "translate": "take pictures from one domain to the other",
    "export": "write a model's networks in a form that others open: ONNX, torch.export, safetensors",
    "extractor": "train a small classifier whose features score models on your own data",
    "compare": "put runs beside one another: what differs, scores, curves, samples",
    "serve": "open a web page on which people try out a checkpoint",
    "dashboard": "make a workspace at Weights & Biases for the runs of a project",
}

COMMANDS: dict[str, list[tuple[str, str]]] = {
    "train": [
        ("python src/train.py", "a DCGAN on handwritten digits, two minutes on a laptop"),
        ("python src/train.py model=cyclegan data=horse2zebra", "another model, another data set"),
        ("python src/train.py objective=hinge regularizer=r1", "another game by one word"),
        ("python src/train.py data=image_folder data.root=pictures", "your own pictures"),
        ("python src/train.py experiment=dcgan_mnist", "a recipe: one file in conf/experiment"),
        ("python src/train.py init_from=<run folder>", "fine-tune a trained model"),
        ("python src/train.py resume=<run folder>", "go on with a run that was cut off (or resume=latest)"),
        ("python src/train.py -m seed=1,2,3", "several runs"),
        ("python src/train.py 'logger=wandb'", "curves and pictures on a dashboard"),
        ("python src/train.py --cfg job", "print the whole configuration and stop"),
    ],
    "evaluate": [
        ("python src/evaluate.py ckpt=<run folder>", "the scores of a run's best model"),
        ("python src/evaluate.py ckpt=<file> samples=10000", "with more fakes"),
        ("python src/evaluate.py ckpt=<file> extractor=inception", "the standard FID"),
    ],
    "sample": [
        ("python src/sample.py ckpt=<run folder>", "64 pictures and a grid"),
        ("python src/sample.py ckpt=<file> samples=1000 seed=7", "more, and others"),
        ("python src/sample.py ckpt=<file> rows=8", "walks between latents"),
    ],
    "encode": [
        ("python src/encode.py ckpt=<run folder>", "codes, labels and names of the held-out images"),
        ("python src/encode.py ckpt=<file> split=train", "of the training images"),
        ("python src/encode.py ckpt=<file> input=pictures", "of your own pictures"),
    ],
    "reconstruct": [
        ("python src/reconstruct.py ckpt=<run folder>", "the held-out images as the code keeps them"),
        ("python src/reconstruct.py ckpt=<file> input=pictures", "your own pictures"),
    ],
    "translate": [
        ("python src/translate.py ckpt=<run folder> input=photos output=made", "a folder, from domain a to b"),
        ("python src/translate.py ckpt=<file> input=photos output=made direction=b_to_a", "the way back"),
        ("python src/translate.py weights=latest_net_G_A.pth input=photos output=made", "weights made elsewhere"),
        ("python src/translate.py ckpt=<file> input=photo.jpg output=made side_by_side=true", "beside its source"),
    ],
    "export": [
        ("python src/export.py ckpt=<run folder> format=onnx output=made", "for onnxruntime, with a model card"),
        ("python src/export.py ckpt=<file> format=torch_export output=made", "for PyTorch without this project"),
        (
            "python src/export.py ckpt=<file> format=safetensors output=made",
            "weights, and a JSON that builds the network",
        ),
        ("python src/export.py ckpt=<file> format=reference output=made", "a CycleGAN's latest_net_G_A.pth and so on"),
    ],
    "compare": [
        ("python src/compare.py outputs/sweeps/<time>", "the runs of a sweep: a table, compare.csv, compare.html"),
        ("python src/compare.py outputs/dcgan-digits outputs/gan-digits", "all runs below some folders"),
        ("python src/compare.py 'outputs/*-digits' sort=val/kid_digits output=kid", "by another score"),
    ],
    "dashboard": [
        ("python src/dashboard.py project=atelier", "a saved workspace for each family of models"),
        (
            "python src/dashboard.py project=atelier family=gan file=gan.json",
            "one, written to a file, without a server",
        ),
    ],
    "serve": [
        ("python src/serve.py ckpt=<run folder>", "a page on this machine: translate, sample, walk, a quiz"),
        ("python src/serve.py ckpt=<run>,<other run>", "up to four models beside one another"),
        ("python src/serve.py ckpt=<run folder> port=8000 open_browser=true", "at this port, opened at once"),
    ],
    "extractor": [
        ("python src/extractor.py data=fashion_mnist", "a feature extractor for Fashion-MNIST"),
        (
            "python src/extractor.py data=image_folder data.root=pictures",
            "one for your own labelled pictures",
        ),
    ],
}
"""For each verb, commands as typed in a checkout, with what they do."""
