"""Every label that the pages show, English and 中文 side by side.

Sentences about what went wrong or needs saying live beside the code that says them (`studio.sentences`).
"""

from studio.sentences import Language


class Label:
    """One label; reads as the string of the language of the `Texts` it belongs to."""

    def __init__(self, en: str, zh: str):
        self.en = en
        self.zh = zh

    def __get__(self, texts: "Texts | None", owner: type) -> str:
        return self.zh if texts is not None and texts.language == "zh" else self.en


class Texts:
    """The labels of one language: `Texts("zh").send`. Those with `{…}` are filled by `str.format`."""

    def __init__(self, language: Language):
        self.language: Language = language

    # The frame of every page
    studio = Label("Chat Studio", "聊天工作室")
    skip_to_content = Label("Skip to content", "跳到正文")
    other_language = Label("中文", "English")
    switch_language = Label("切换到中文", "Switch to English")
    switch_theme = Label("Switch between light and dark", "切换浅色与深色")
    chat = Label("Chat", "聊天")
    knowledge = Label("Knowledge", "知识库")
    compare = Label("Compare", "对比")
    models = Label("Models", "模型")
    share = Label("Share", "分享")
    notice = Label("Please note", "请注意")
    unexpected = Label(
        "Something unexpected went wrong and was written to the log. What was stored is safe; "
        "please try again.",
        "发生了意外错误，详情已写入日志。已保存的内容不受影响，请重试。",
    )
    close = Label("Close", "关闭")
    cancel = Label("Cancel", "取消")
    delete = Label("Delete", "删除")
    really_delete = Label("Really delete?", "确定删除？")
    copy = Label("Copy", "复制")
    copied = Label("Copied", "已复制")

    # Memory strip
    memory = Label("Memory", "内存")
    memory_strip = Label("Memory and loaded models", "内存与已加载的模型")
    memory_use = Label(
        "{used} of {total} in use, {ours} by the studio", "已用 {used} / {total}，其中工作室 {ours}"
    )
    memory_short = Label("{used} / {total}", "{used} / {total}")
    no_gpu = Label(
        "No NVIDIA GPU here: models run on the processor.", "没有 NVIDIA 显卡：模型在处理器上运行。"
    )
    gpu_use = Label(
        "{used} of {total}, {ours} by the studio, {free} free",
        "已用 {used} / {total}，工作室 {ours}，空闲 {free}",
    )
    utilisation = Label("load {n} %", "负载 {n}%")
    strip_estimated = Label("est. {size}", "估计 {size}")
    strip_measured = Label("measured {size}", "实测 {size}")
    nothing_loaded = Label("No model loaded", "未加载模型")
    memory_unknown = Label(
        "Memory cannot be read: the studio does not answer.", "无法读取内存：工作室没有响应。"
    )
    state_loading = Label("loading", "加载中")
    state_ready = Label("ready", "就绪")
    state_closing = Label("unloading", "卸载中")
    state_dead = Label("ended unexpectedly", "意外退出")

    # Chat: frame
    conversations = Label("Conversations", "对话")
    new_conversation = Label("New conversation", "新对话")
    no_conversations = Label("Your conversations will be listed here.", "对话会列在这里。")
    untitled = Label("New conversation", "新对话")
    delete_conversation = Label("Delete conversation “{title}”", "删除对话“{title}”")
    settings = Label("Settings", "设置")
    show_conversations = Label("Conversations", "对话列表")
    show_settings = Label("Settings", "设置")
    clear = Label("Clear", "清空")
    really_clear = Label("Really clear all turns?", "确定清空所有问答？")
    transcript = Label("Conversation", "对话内容")
    question = Label("Your question", "你的问题")
    question_placeholder = Label("Ask something…", "输入问题……")
    question_hint = Label(
        "Enter sends · Shift+Enter starts a new line · Esc stops", "Enter 发送 · Shift+Enter 换行 · Esc 停止"
    )
    send = Label("Send", "发送")
    stop = Label("Stop", "停止")
    you = Label("You", "你")
    thinking = Label("Answering…", "正在回答……")
    answer_complete = Label("Answer complete.", "回答完毕。")
    answer_stopped = Label("Stopped.", "已停止。")
    answer_running = Label(
        "This answer is still being written in another tab.", "这个回答正在另一个标签页中生成。"
    )
    ask_again = Label("Ask again", "重新提问")

    # Chat: empty state
    empty_title = Label("What would you like to know?", "想了解些什么？")
    empty_text = Label(
        "Everything happens on this computer. Ask the model directly, or let it answer from your "
        "documents and say where it found the answer.",
        "一切都在这台电脑上进行。可以直接向模型提问，也可以让它根据你的文档回答，并注明出处。",
    )
    empty_no_model = Label(
        "There is no chat model yet. The Models page says how to get one.",
        "还没有聊天模型。请到“模型”页查看如何获取。",
    )
    try_samples = Label("Try it with the sample documents", "用示例文档试一试")
    samples_hint = Label(
        "Puts an English PDF and a Chinese Word file into a knowledge base called “samples”.",
        "把一份英文 PDF 和一份中文 Word 文件放进名为 samples 的知识库。",
    )
    samples_reading = Label("Reading the sample documents…", "正在读取示例文档……")
    samples_ready = Label(
        "The sample documents are ready. Try one of these questions:", "示例文档已就绪。试试这些问题："
    )
    add_own_documents = Label("Add your own documents", "添加自己的文档")
    example_plain_1 = Label("Write a short poem about the sea.", "用三句话介绍你自己。")
    example_plain_2 = Label("Explain photosynthesis to a ten-year-old.", "用简单的话解释什么是光合作用。")

    # Chat: pickers and settings
    model = Label("Model", "模型")
    level = Label("Quantization", "量化级别")
    answer_from = Label("Answer from", "回答依据")
    from_model = Label("The model alone", "仅模型")
    from_documents = Label("My documents", "我的文档")
    knowledge_base = Label("Knowledge base", "知识库")
    no_knowledge_base = Label(
        "No knowledge base yet: create one on the Knowledge page.", "还没有知识库：请到“知识库”页创建。"
    )
    choose_knowledge_base = Label("Please choose a knowledge base first.", "请先选择一个知识库。")
    choose_model = Label("Please choose a model first.", "请先选择一个模型。")
    temperature = Label("Temperature", "温度")
    temperature_info = Label(
        "0 always takes the likeliest word; higher is more varied", "0 总是选最可能的词；越高越多变"
    )
    top_p = Label("Top-p", "Top-p")
    top_p_info = Label(
        "Draws only from the likeliest words up to this share", "只在累计概率达到此值的词中抽取"
    )
    max_tokens = Label("Longest answer, in tokens", "回答的最大长度（词元）")
    seed = Label("Seed", "随机种子")
    seed_info = Label("Empty: different every time", "留空：每次不同")
    seed_wrong = Label(
        "The seed must be a whole number from 0 to 4294967295, or empty.",
        "随机种子必须是 0 到 4294967295 的整数，或留空。",
    )
    system_prompt = Label("System prompt", "系统提示词")
    system_prompt_info = Label("Empty: the one in the prompts folder", "留空：使用 prompts 文件夹中的提示词")

    # Fit
    fit_fits = Label("Fits", "放得下")
    fit_tight = Label("Tight", "偏紧")
    fit_does_not_fit = Label("Does not fit", "放不下")
    fit_loaded = Label("Loaded", "已加载")
    fit_numbers = Label("needs {total}, {available} free", "需要 {total}，空闲 {available}")
    fit_measured = Label("{measured} measured, {total} estimated", "实测 {measured}，估计 {total}")
    fit_not_installed = Label(
        "Not on this computer yet: see the Models page.", "尚未安装到这台电脑：请见“模型”页。"
    )
    make_room = Label("Unload {names} and go on", "卸载 {names} 并继续")

    # Loading stages
    loading_model = Label("Loading {name}", "正在加载 {name}")
    stage_worker = Label("starting a worker", "启动工作进程")
    stage_weights = Label("reading the weights", "读取权重")
    stage_quantize = Label("quantizing", "量化")
    stage_warm_up = Label("warming up", "预热")
    stage_ready = Label("ready", "就绪")
    searching = Label("Looking through the documents…", "正在查找文档……")
    reading_prompt = Label("Reading the question…", "正在理解问题……")

    # Under an answer
    ttft = Label("first token after {seconds} s", "{seconds} 秒后出现首个词元")
    speed = Label("{n} tokens/s", "{n} 词元/秒")
    tokens = Label("{prompt} tokens read, {completion} written", "读入 {prompt} 词元，写出 {completion} 词元")
    tokens_title = Label("Tokens of the prompt, tokens of the answer", "提示词的词元数，回答的词元数")
    with_model = Label("{model} @ {level}", "{model} @ {level}")
    sources = Label("Sources", "来源")
    source_n = Label("Source {n}: {place}. Show the text.", "来源 {n}：{place}。显示原文。")
    evidence = Label("Evidence", "依据")
    other_evidence = Label("Also read, not cited", "也读过，但未引用")
    uncited_evidence = Label("Passages found; the answer cites none", "查到的段落（回答没有引用）")
    page_n = Label("page {n}", "第 {n} 页")
    score = Label("score {n}", "得分 {n}")
    supporting_passage = Label("Supports the answer", "支持回答的原文")
    dropped = Label(
        "{n} older turns or passages did not fit into the prompt.",
        "有 {n} 条较早的问答或段落未能放入提示词。",
    )

    # Knowledge
    knowledge_intro = Label(
        "A knowledge base holds documents that the model may answer from. They stay on this computer.",
        "知识库存放供模型查阅的文档。它们只保存在这台电脑上。",
    )
    knowledge_bases = Label("Knowledge bases", "知识库")
    no_knowledge_bases = Label("None yet. Give the first one a name below.", "还没有。请在下面为第一个取名。")
    create = Label("Create", "创建")
    kb_name = Label("Name of the new knowledge base", "新知识库的名称")
    kb_name_placeholder = Label("for example: papers", "例如：论文")
    kb_name_empty = Label("Please type a name for the knowledge base.", "请输入知识库的名称。")
    advanced = Label("Advanced", "高级")
    chunk_size = Label("Chunk size, in tokens", "分块大小（词元）")
    overlap = Label("Overlap, in tokens", "重叠（词元）")
    embedder = Label("Embedding model", "嵌入模型")
    kb_counts = Label(
        "{documents} documents · {chunks} chunks · {size}", "{documents} 个文档 · {chunks} 个分块 · {size}"
    )
    kb_details = Label(
        "{chunk_size}-token chunks, {overlap} overlap · {embedder}",
        "每块 {chunk_size} 词元，重叠 {overlap} · {embedder}",
    )
    open_to_guests = Label("Open to guests of a shared link", "对分享链接的访客开放")
    add_documents = Label("Add documents: PDF, Word, text", "添加文档：PDF、Word、文本")
    drop_here = Label(
        "Drop files here, or press to choose. Several at once are fine.",
        "把文件拖到这里，或点击选择。可一次多个。",
    )
    documents = Label("Documents", "文档")
    no_documents = Label("No documents yet.", "还没有文档。")
    in_progress = Label("Being read", "正在处理")
    just_added = Label("Just added", "刚刚处理")
    delete_knowledge_base = Label("Delete this knowledge base", "删除此知识库")
    really_delete_kb = Label(
        "Really delete “{name}” with all its documents?", "确定删除“{name}”及其全部文档？"
    )
    delete_document = Label("Delete document {name}", "删除文档 {name}")
    stage_queued = Label("waiting", "等待中")
    stage_parsing = Label("reading page {done} of {total}", "解析第 {done} / {total} 页")
    stage_parsing_start = Label("reading", "解析中")
    stage_embedding = Label("indexing {done} of {total} chunks", "索引 {done} / {total} 个分块")
    stage_done = Label(
        "{pages} pages, {chunks} chunks in {seconds} s", "{pages} 页，{chunks} 个分块，用时 {seconds} 秒"
    )
    stage_done_without_pages = Label("{chunks} chunks in {seconds} s", "{chunks} 个分块，用时 {seconds} 秒")
    stage_unchanged = Label("unchanged, nothing to do", "内容未变，无需处理")
    stage_failed = Label("failed", "失败")
    stage_cancelled = Label("cancelled", "已取消")
    retry = Label("Try again", "重试")
    pages_chunks = Label("{pages} pages · {chunks} chunks", "{pages} 页 · {chunks} 个分块")
    chunks_only = Label("{chunks} chunks", "{chunks} 个分块")
    try_search = Label("Try a search", "试着搜索")
    search_placeholder = Label("Words or a question", "关键词或问题")
    search = Label("Search", "搜索")
    nothing_found = Label("Nothing found.", "没有找到。")
    search_took = Label("{n} passages in {seconds} s", "{n} 段，用时 {seconds} 秒")
    pick_knowledge_base = Label(
        "Choose a knowledge base on the left, or create one.", "请选择一个知识库，或新建一个。"
    )

    # Compare
    compare_intro = Label(
        "One question, two contestants. With documents, both get the same passages.",
        "一个问题，两位选手。若使用文档，两者得到同样的段落。",
    )
    contestant = Label("Contestant {n}", "选手 {n}")
    run_comparison = Label("Compare", "开始对比")
    compare_placeholder = Label("A question for both", "向两个模型提出的问题")
    compare_empty = Label("Please type a question first.", "请先输入问题。")
    waiting = Label("waiting for its turn", "等待轮到")
    load_time = Label("loaded in {seconds} s", "加载用时 {seconds} 秒")
    was_loaded = Label("was already loaded", "此前已加载")
    peak_memory = Label("peak memory {size}", "内存峰值 {size}")

    # Models
    models_intro = Label(
        "Models on this computer, and what each quantization level would take now.",
        "这台电脑上的模型，以及每个量化级别现在所需的内存。",
    )
    add_model = Label("Add a model", "添加模型")
    model_location = Label(
        "Folder on this computer, or a Hugging Face id", "本机文件夹，或 Hugging Face 上的 id"
    )
    model_location_placeholder = Label(
        "/models/Qwen3-4B  or  Qwen/Qwen3-4B", "/models/Qwen3-4B 或 Qwen/Qwen3-4B"
    )
    model_location_info = Label(
        "A folder is used where it is, nothing leaves this computer. An id is downloaded from "
        "huggingface.co when you press Add.",
        "文件夹会就地使用，不会连接网络。填写 id 时，点击“添加”后才会从 huggingface.co 下载。",
    )
    model_location_empty = Label("Please type a folder or an id.", "请输入文件夹或 id。")
    add = Label("Add", "添加")
    adding = Label("Looking at {location}…", "正在查看 {location}……")
    downloading = Label("Downloading {location}: {done} of {total}", "正在下载 {location}：{done} / {total}")
    added = Label("{name} is ready to use.", "{name} 可以使用了。")
    removed = Label("{name} was removed from the list.", "已从列表中移除 {name}。")
    remove = Label("Remove", "移除")
    really_remove = Label("Really remove?", "确定移除？")
    load = Label("Load", "加载")
    unload = Label("Unload", "卸载")
    loaded_in = Label(
        "{name} @ {level} was loaded in {seconds} s.", "{name} @ {level} 加载完成，用时 {seconds} 秒。"
    )
    unloaded = Label(
        "{name} @ {level} was unloaded: {freed} came back.", "{name} @ {level} 已卸载，释放 {freed}。"
    )
    installed = Label("on this computer", "已安装")
    not_installed = Label("not installed", "未安装")
    kind_chat = Label("chat", "聊天")
    kind_base = Label("base model", "基座模型")
    kind_embedding = Label("embedding", "嵌入")
    kind_reranker = Label("reranker", "重排序")
    kind_encoder = Label("encoder", "编码器")
    kind_encoder_decoder = Label("encoder-decoder", "编码器-解码器")
    parameters = Label("{n} parameters", "{n} 参数")
    context = Label("context {n} tokens", "上下文 {n} 词元")
    level_column = Label("Level", "级别")
    weights_column = Label("Weights", "权重")
    total_column = Label("Total needed", "总计")
    fit_column = Label("Fit", "能否放下")
    no_models_title = Label("No chat model yet", "还没有聊天模型")
    no_models_text = Label(
        "Run “make starters” in the studio's folder to get a small one, or add a folder or a "
        "Hugging Face id above.",
        "在工作室文件夹中运行 make starters 可获得一个小模型，或在上方添加文件夹或 Hugging Face id。",
    )

    # Share
    share_title = Label("Share a temporary link", "分享临时链接")
    share_explains = Label(
        "Starting makes a public address on the internet that leads to this computer, through a "
        "share server. It is off by default and ends when you stop it or close the studio.",
        "启动后，会通过中转服务器生成一个通往这台电脑的公网地址。默认关闭；停止分享或关闭工作室后即失效。",
    )
    guests_can = Label("Guests can", "访客可以")
    guests_can_1 = Label("chat with the models that are loaded, after logging in", "登录后与已加载的模型聊天")
    guests_can_2 = Label(
        "ask the knowledge bases you open to them, and read the passages behind an answer",
        "向你开放的知识库提问，并查看回答所依据的段落",
    )
    guests_cannot = Label("Guests cannot", "访客不能")
    guests_cannot_1 = Label("see your conversations or those of other guests", "看到你或其他访客的对话")
    guests_cannot_2 = Label(
        "load models, change settings, add or delete documents, or use the API",
        "加载模型、更改设置、添加或删除文档，或使用 API",
    )
    guest_bases = Label("Knowledge bases open to guests", "对访客开放的知识库")
    no_guest_bases = Label("There is no knowledge base yet.", "还没有知识库。")
    user = Label("User", "用户名")
    password = Label("Password", "密码")
    password_label = Label("Password (at least 8 characters)", "密码（至少 8 个字符）")
    login_incomplete = Label(
        "Please give a user name and a password of at least 8 characters.",
        "请填写用户名，以及至少 8 个字符的密码。",
    )
    start_sharing = Label("Start sharing", "开始分享")
    stop_sharing = Label("Stop sharing", "停止分享")
    share_off = Label(
        "Not shared. Only this computer can reach the studio.", "未分享。只有这台电脑可以访问工作室。"
    )
    share_starting = Label("Asking the share server for a link…", "正在向中转服务器申请链接……")
    share_on = Label(
        "Shared. Give this link and the login to your guests:", "正在分享。把链接和登录信息告诉访客："
    )
    share_unavailable = Label("Sharing is not available in this start of the studio.", "本次启动不支持分享。")

    # Guest page
    guest_title = Label("Chat Studio · guest", "聊天工作室 · 访客")
    guest_no_model = Label(
        "No model is loaded at the moment. Please ask your host to load one, then reload this page.",
        "当前没有加载模型。请联系分享者加载一个，然后刷新本页。",
    )
    guest_note = Label(
        "This runs on your host's computer. Your conversations are shown only to you; the host "
        "could read what is stored there.",
        "模型运行在分享者的电脑上。对话只显示给你本人，但保存在对方的电脑中。",
    )
