"""Why there is no public link."""

from studio.sentences import StudioError


class ShareServerUnreachable(StudioError):
    en = (
        "The share server {server} cannot be reached ({reason}). Check the internet connection, then "
        "start the link again; the studio itself goes on as before."
    )
    zh = "无法连接分享服务器 {server}（{reason}）。请检查网络连接后重新开启链接；工作室本身照常运行。"


class TunnelHelperUnavailable(StudioError):
    en = (
        "The helper program for the public link could not be downloaded from {address} ({reason}). Check the "
        "internet connection, then start the link again; the studio itself goes on as before."
    )
    zh = (
        "无法从 {address} 下载公开链接所需的辅助程序（{reason}）。请检查网络连接后重新开启链接；"
        "工作室本身照常运行。"
    )


class TunnelHelperDamaged(StudioError):
    en = (
        "The helper program for the public link that came from {address} is not the expected one, so it "
        "was not started. Try again later, or use a share server of your own (setting share_server)."
    )
    zh = (
        "从 {address} 下载的公开链接辅助程序与预期不符，因此没有启动。请稍后再试，"
        "或使用自己的分享服务器（设置项 share_server）。"
    )


class TunnelHelperBlocked(StudioError):
    en = (
        "The helper program for the public link could not be started ({reason}). Allow programs in "
        "{folder}, then start the link again."
    )
    zh = "公开链接的辅助程序无法启动（{reason}）。请允许运行 {folder} 中的程序，然后重新开启链接。"


class TunnelRefused(StudioError):
    en = (
        "The share server gave no link ({reason}). Try again in a few minutes; the studio itself goes on "
        "as before."
    )
    zh = "分享服务器没有给出链接（{reason}）。请过几分钟再试；工作室本身照常运行。"


class TunnelClosed(StudioError):
    en = (
        "The public link was cut off ({reason}). Guests cannot come in any more; start the link again for "
        "a new address."
    )
    zh = "公开链接已中断（{reason}），访客无法再访问。请重新开启链接以获得新的地址。"


class LoginNeeded(StudioError):
    en = (
        "A public link needs a user name and a password of at least {length} characters. Fill in both, "
        "then start it."
    )
    zh = "公开链接需要用户名和至少 {length} 个字符的密码。请填写后再开启。"


class ShareServerUnusable(StudioError):
    en = "The setting share_server must be HOST:PORT, and {server} is not. Correct it in settings.toml."
    zh = "设置项 share_server 应为“主机:端口”，而 {server} 不是。请在 settings.toml 中修改。"


class GuestListenerFailed(StudioError):
    en = (
        "The pages for guests could not be started ({reason}). Start the link again; the studio itself "
        "goes on as before."
    )
    zh = "访客页面无法启动（{reason}）。请重新开启链接；工作室本身照常运行。"
