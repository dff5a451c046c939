"""What can go wrong in a conversation, and what the user should know beside an answer."""

from studio.sentences import Notice, StudioError


class UnknownConversation(StudioError):
    en = "This conversation does not exist any more. Start a new one, or pick another from the list."
    zh = "这个对话已不存在。请新建一个对话，或从列表中选择另一个。"


class EmptyQuestion(StudioError):
    en = "There is no question yet. Write one, then send it."
    zh = "还没有输入问题。请先写下问题再发送。"


class AlreadyAnswering(StudioError):
    en = "The last question of this conversation is still being answered. Wait for it, or press Stop first."
    zh = "这个对话的上一个问题还在回答中。请等它答完，或先按“停止”。"


class QuestionTooLong(StudioError):
    en = (
        "With its instructions the question has {tokens} tokens, but this model can take {limit} here. "
        "Shorten it, or add the long text as a document and ask about it."
    )
    zh = (
        "问题连同说明共 {tokens} 个词元，而这个模型在此最多能接收 {limit} 个。"
        "请缩短问题，或把长文本作为文档加入知识库后再提问。"
    )


class NoRoomForEvidence(StudioError):
    en = (
        "The question leaves no room for even one passage of your documents in this model's context "
        "of {context} tokens. Shorten the question, or pick a model with a longer context."
    )
    zh = (
        "这个模型的上下文只有 {context} 个词元，放下问题后连一段文档也放不下了。"
        "请缩短问题，或换一个上下文更长的模型。"
    )


class PromptUnusable(StudioError):
    en = "The prompt template {file} cannot be used: {reason} Correct the file and ask again."
    zh = "提示词模板 {file} 无法使用：{reason_zh}请修改这个文件后再提问。"


class NotForGuests(StudioError):
    en = "{name} is not open to guests. Pick one from the list, or ask the person who shared this studio."
    zh = "{name} 没有向访客开放。请从列表中选择，或联系分享者。"


class Interrupted(StudioError):
    en = (
        "The studio was closed while it was answering. What had been written until then is kept; "
        "ask again to go on."
    )
    zh = "回答途中工作室被关闭。已写出的内容都保留着，再问一次即可继续。"


class Unexpected(StudioError):
    en = (
        "The answer ended because of a fault in the studio ({reason}). What was written is kept; "
        "please ask again."
    )
    zh = "工作室内部出错（{reason}），回答中断。已写出的内容都保留着，请再问一次。"


class AnswerNotStored(StudioError):
    en = (
        "The answer could not be stored ({reason}). Copy it if you need it, and check that the disk of the "
        "data folder has room."
    )
    zh = "回答没能保存（{reason}）。需要的话请先复制下来，并检查数据文件夹所在磁盘是否还有空间。"


class NothingFound(Notice):
    en = (
        "Nothing in “{knowledge_base}” matches this question. Try other words, or check that the document "
        "was added."
    )
    zh = "“{knowledge_base}”中没有找到与这个问题相关的内容。请换个说法，或确认文档已经加入。"


class ModelLanguage(Notice):
    en = (
        "{model} was trained on {languages}; its answer to a Chinese question may be poor. "
        "Pick a model that knows Chinese for better answers."
    )
    zh = "{model} 是用{languages_zh}训练的，回答中文问题可能不理想。换一个懂中文的模型效果会更好。"


class AnswerCut(Notice):
    en = (
        "The answer stops here because it reached {tokens} tokens. Raise “max new tokens” for longer answers."
    )
    zh = "回答达到 {tokens} 个词元，在此截断。需要更长的回答时，请调高“最大生成长度”。"


class ContextFull(Notice):
    en = (
        "The model's context is full, so the answer ends before its limit of {tokens} tokens. "
        "Start a new conversation, or pick a model with a longer context."
    )
    zh = "上下文已满，回答未到 {tokens} 个词元 就结束了。请新建对话，或换一个上下文更长的模型。"


class HistoryDropped(Notice):
    en = (
        "This model's context has room for the last {kept} turns; {dropped} earlier ones were not read "
        "for this answer."
    )
    zh = "这个模型的上下文只放得下最近 {kept} 轮对话，更早的 {dropped} 轮没有参与这次回答。"


class EvidenceDropped(Notice):
    en = "Only {kept} of {found} passages found fit into this model's context; the answer rests on those."
    zh = "找到了 {found} 段内容，这个模型的上下文只放得下 {kept} 段，回答依据的是这些。"
