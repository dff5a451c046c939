"""The page on which a guest logs in."""

from html import escape
from string import Template

from studio.sentences import Language

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "lang": "en",
        "title": "Chat Studio",
        "intro": "Somebody shares their studio with you. Log in with the name and password you were given.",
        "user": "User name",
        "password": "Password",
        "send": "Log in",
        "wrong": "The name or the password is not right. Check both and try again.",
        "wait": "Too many wrong tries. Wait {seconds} seconds, then try again.",
        "other": "中文",
        "other_lang": "zh",
    },
    "zh": {
        "lang": "zh-CN",
        "title": "Chat Studio",
        "intro": "有人与您分享了他的工作室。请用对方告诉您的用户名和密码登录。",
        "user": "用户名",
        "password": "密码",
        "send": "登录",
        "wrong": "用户名或密码不正确。请检查后重试。",
        "wait": "尝试次数过多。请等待 {seconds} 秒后再试。",
        "other": "English",
        "other_lang": "en",
    },
}

PAGE = Template("""<!doctype html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --calm: #57606a; --line: #8c959f; --deed: #1f5fbf; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181d; --ink: #e6e8eb; --calm: #a3abb5; --line: #6e7681; --deed: #2f6fd0; }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: var(--paper); color: var(--ink);
  font: 16px/1.6 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main { width: min(22rem, calc(100vw - 3rem)); }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
p { color: var(--calm); margin: 0 0 1.25rem; }
p[role=alert] { color: var(--ink); border-left: 3px solid var(--deed); padding-left: .75rem; }
label { display: block; margin-bottom: 1rem; }
input { display: block; box-sizing: border-box; width: 100%; margin-top: .25rem;
  padding: .55rem .7rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: .5rem; }
button { width: 100%; padding: .6rem; font: inherit; font-weight: 600; color: #fff; background: var(--deed);
  border: 0; border-radius: .5rem; cursor: pointer; }
:focus-visible { outline: 3px solid var(--deed); outline-offset: 2px; }
a { color: inherit; display: inline-block; margin-top: 1.25rem; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p>$intro</p>
$problem
<form method="post" action="/login?language=$language">
<label>$user<input name="user" autocomplete="username" autocapitalize="none" required autofocus></label>
<label>$password<input name="password" type="password" autocomplete="current-password" required></label>
<button>$send</button>
</form>
<a href="/login?language=$other_lang" lang="$other_lang">$other</a>
</main>
</body>
</html>
""")


def login_page(language: Language, problem: str | None = None, seconds: int = 0) -> str:
    """HTML. `problem`: None, `wrong` or `wait` (`seconds`)."""
    words = WORDS[language]
    said = f'<p role="alert">{escape(words[problem].format(seconds=seconds))}</p>' if problem else ""
    return PAGE.substitute(
        {name: escape(word) for name, word in words.items()}, problem=said, language=language
    )
