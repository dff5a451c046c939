"""What can go wrong with knowledge bases and documents, and what is worth saying beside a result."""

from studio.sentences import Notice, StudioError

FORMATS_EN = "PDF, Word (.docx), plain text (.txt) and Markdown (.md)"
FORMATS_ZH = "PDF、Word（.docx）、纯文本（.txt）和 Markdown（.md）"


class UnknownKnowledgeBase(StudioError):
    en = "There is no knowledge base “{name}”. Create it first, or pick one of the list."
    zh = "没有名为“{name}”的知识库。请先新建，或从列表中选择。"


class KnowledgeBaseExists(StudioError):
    en = "There is already a knowledge base “{name}”. Choose another name."
    zh = "已经有名为“{name}”的知识库，请换一个名称。"


class InvalidName(StudioError):
    en = "A knowledge base needs a name of 1 to 100 characters on one line. Type another name."
    zh = "知识库的名称须为一行、1 至 100 个字符，请重新输入。"


class InvalidChunkSize(StudioError):
    en = (
        "Chunks of {size} tokens with an overlap of {overlap} do not work: "
        "take 16 to 8192 tokens, and an overlap of at most half of that."
    )
    zh = "分块大小 {size}、重叠 {overlap}（词元）不可用：大小应为 16 至 8192，重叠不超过大小的一半。"


class NotAnEmbeddingModel(StudioError):
    en = "{model} cannot turn text into vectors. Pick an embedding model, for example {example}."
    zh = "{model} 不能把文本转换为向量。请选择嵌入模型，例如 {example}。"


class EmbedderNotInstalled(StudioError):
    en = "The embedding model {model} is not on this computer. Get it on the Models page, then try again."
    zh = "这台电脑上没有嵌入模型 {model}。请先在“模型”页获取它，然后重试。"


class EmbedderChanged(StudioError):
    en = (
        "The files of the embedding model {model} have changed since the knowledge base “{name}” was "
        "made, so its "
        "vectors no longer fit. Create a new knowledge base and add the documents again."
    )
    zh = (
        "建立知识库“{name}”之后，嵌入模型 {model} 的文件已经改变，原有向量不再适用。"
        "请新建知识库并重新添加文档。"
    )


class VectorsUnavailable(StudioError):
    en = (
        "The vector store could not be used ({reason}). Search by words still works; "
        "`studio kb verify {name} --rebuild` makes the store anew."
    )
    zh = "向量库无法使用（{reason}）。仍可按词语检索；运行 `studio kb verify {name} --rebuild` 可重建向量库。"


class UnknownMode(StudioError):
    en = "“{mode}” is not a way to search. Use hybrid, dense or lexical."
    zh = "没有“{mode}”这种检索方式，请用 hybrid、dense 或 lexical。"


class UnknownDocument(StudioError):
    en = "There is no document “{document}” in the knowledge base “{name}”. Look at its list of documents."
    zh = "知识库“{name}”中没有文档“{document}”，请查看文档列表。"


class UnknownJob(StudioError):
    en = "This file is no longer in the list of jobs. Add the file again."
    zh = "任务列表中已没有这个文件，请重新添加。"


class FileNotFound(StudioError):
    en = "“{file}” does not exist. Check the path, then add it again."
    zh = "“{file}”不存在。请检查路径后重新添加。"


class FileVanished(StudioError):
    en = "“{file}” was gone before it could be read. Add it again."
    zh = "“{file}”还没来得及读取就不见了，请重新添加。"


class FileUnreadable(StudioError):
    en = "“{file}” cannot be read ({reason}). Allow reading it or copy it elsewhere, then add it again."
    zh = "“{file}”无法读取（{reason}）。请开放读取权限或复制到别处，再重新添加。"


class NotEnoughDisk(StudioError):
    en = (
        "“{file}” could not be copied into the data folder ({reason}). Make room on the disk, then add it"
        " again."
    )
    zh = "“{file}”无法复制到数据文件夹（{reason}）。请腾出磁盘空间后重新添加。"


class FileEmpty(StudioError):
    en = "“{file}” is empty. Check that it was saved or downloaded completely, then add it again."
    zh = "“{file}”是空的。请确认文件已完整保存或下载，再重新添加。"


class FileTooLarge(StudioError):
    en = "“{file}” is {size}; at most {limit} can be added at once. Split it into smaller files."
    zh = "“{file}”大小为 {size}，一个文件最多 {limit}。请拆分成较小的文件。"


class NothingToAdd(StudioError):
    en = f"“{{file}}” holds no file that can be read. What works: {FORMATS_EN}."
    zh = f"“{{file}}”里没有可以读取的文件。支持的格式：{FORMATS_ZH}。"


class UnsupportedFormat(StudioError):
    en = (
        f"“{{file}}” is in a format that cannot be read. What works: {FORMATS_EN}. Save or export it as "
        "one of these."
    )
    zh = f"无法读取“{{file}}”的格式。支持：{FORMATS_ZH}。请另存或导出为其中一种。"


class OldWordFormat(StudioError):
    en = (
        "“{file}” is in the old Word format (.doc). Open it in Word or LibreOffice, save it as .docx and "
        "add that."
    )
    zh = "“{file}”是旧版 Word 格式（.doc）。请用 Word、WPS 或 LibreOffice 打开，另存为 .docx 后再添加。"


class WronglyNamed(StudioError):
    en = (
        "“{file}” is not what its name says: inside it is {kind}. Rename it to end in {suffix}, then add "
        "it again."
    )
    zh = "“{file}”的扩展名与内容不符：内容其实是 {kind}。请把扩展名改为 {suffix} 再添加。"


class NotAPdf(StudioError):
    en = "“{file}” is not a PDF, although its name says so. Export or download it again, then add that."
    zh = "“{file}”虽以 .pdf 结尾，却不是 PDF。请重新导出或下载后再添加。"


class PdfDamaged(StudioError):
    en = (
        "“{file}” is damaged or was cut off, so it cannot be read. Download or export the PDF again, then"
        " add that."
    )
    zh = "“{file}”已损坏或不完整，无法读取。请重新下载或导出这个 PDF 后再添加。"


class FileEncrypted(StudioError):
    en = "“{file}” is protected with a password. Save a copy without the password and add that."
    zh = "“{file}”有密码保护。请另存一份不带密码的副本再添加。"


class PdfWithoutText(StudioError):
    en = (
        "“{file}” holds pictures of pages but no text. Run text recognition (OCR) over it, then add the "
        "result."
    )
    zh = "“{file}”只有页面图像，没有文字。请先做文字识别（OCR），再添加识别后的文件。"


class NotAWordFile(StudioError):
    en = (
        "“{file}” is a zip archive and not a Word file, although its name says so. Unpack it and add what"
        " is inside."
    )
    zh = "“{file}”虽以 .docx 结尾，其实是压缩包而不是 Word 文件。请解压后添加其中的文件。"


class WordDamaged(StudioError):
    en = (
        "“{file}” is damaged, so it cannot be read. Open it in Word or LibreOffice, save it anew and add "
        "that."
    )
    zh = "“{file}”已损坏，无法读取。请用 Word、WPS 或 LibreOffice 打开并重新保存后再添加。"


class WordWithoutText(StudioError):
    en = (
        "“{file}” holds no text. If it shows pictures of text, run text recognition (OCR) over it and add"
        " the result."
    )
    zh = "“{file}”里没有文字。如果其中是文字的图片，请先做文字识别（OCR）再添加。"


class NotText(StudioError):
    en = "“{file}” does not read as text in any known encoding. Save it as UTF-8 text, then add it again."
    zh = "“{file}”无法按任何已知编码读成文本。请另存为 UTF-8 编码的文本后再添加。"


class PairsExpected(StudioError):
    en = (
        "“{file}” is no table of questions and answers. This knowledge base takes CSV files (.csv) "
        "with the columns question and answer."
    )
    zh = "“{file}”不是问答表。这个知识库只接受带有 question 和 answer 两列的 CSV 文件（.csv）。"


class ArchiveDamaged(StudioError):
    en = (
        "“{file}” cannot be unpacked: the archive is damaged or protected. Unpack it yourself and add the"
        " folder."
    )
    zh = "“{file}”无法解压：压缩包已损坏或有密码。请自行解压后添加文件夹。"


class ArchiveTooLarge(StudioError):
    en = "“{file}” would unpack to more than {limit}. Unpack it yourself and add what you need."
    zh = "“{file}”解压后会超过 {limit}。请自行解压，只添加需要的文件。"


class ParserDied(StudioError):
    en = (
        "Reading “{file}” failed: it brought the program that reads documents down. Save or export it "
        "anew and add that."
    )
    zh = "读取“{file}”失败：它使文档读取程序崩溃了。请重新保存或导出后再添加。"


class ParserTimedOut(StudioError):
    en = (
        "Reading “{file}” was given up after {seconds} seconds without progress. Save or export it anew "
        "and add that."
    )
    zh = "读取“{file}”时 {seconds} 秒没有进展，已放弃。请重新保存或导出后再添加。"


class IngestFailed(StudioError):
    en = (
        "“{file}” could not be added because of an unexpected error ({reason}). Try again; if it stays, "
        "report it."
    )
    zh = "添加“{file}”时发生意外错误（{reason}）。请重试；如果仍然失败，请反馈给我们。"


class EmbedderCannotReadQuestion(Notice):
    en = (
        "The embedding model {model} does not read the language of the question, so only passages "
        "that share its words were found."
    )
    zh = "嵌入模型 {model} 不懂这个问题的语言，因此只按词语匹配查找。"


class DenseSearchBlind(Notice):
    en = (
        "The embedding model {model} does not read the language of the question, so what it found is little "
        "better than chance. Search by words or in both ways instead."
    )
    zh = "嵌入模型 {model} 不懂这个问题的语言，找到的内容近乎随机。请改用词语检索或混合检索。"


class EmbedderCannotReadDocument(Notice):
    en = (
        "The embedding model {model} does not read the language of “{document}”; it is found by its words"
        " only."
    )
    zh = "嵌入模型 {model} 不懂“{document}”的语言，只能按词语匹配找到它。"


class EmbedderCannotReadDocuments(Notice):
    en = (
        "The embedding model {model} does not read the language of {count} documents here; "
        "they are found by their words only."
    )
    zh = "嵌入模型 {model} 不懂其中 {count} 个文档的语言，只能按词语匹配找到它们。"


class SearchedByWordsOnly(Notice):
    en = "Only passages that share words with the question were found: {reason}"
    zh = "这次只按词语匹配查找：{reason_zh}"


class PagesWithoutText(Notice):
    en = (
        "{count} of {total} pages of “{document}” hold no text (pictures, perhaps): {pages}. They cannot "
        "be found."
    )
    zh = "“{document}”共 {total} 页，其中 {count} 页没有文字（可能是图片）：{pages}。这些页无法检索。"
