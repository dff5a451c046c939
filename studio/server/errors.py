"""Why the studio does not start to listen, and what it says when it does."""

from studio.sentences import Notice, StudioError


class PortTaken(StudioError):
    en = "Port {port} is taken by another program. Choose another with --port, or stop that program."
    zh = "端口 {port} 已被其他程序占用。请用 --port 换一个端口，或停止那个程序。"


class HostUnusable(StudioError):
    en = (
        "The studio cannot listen on {host} ({reason}). Use an address of this computer, or leave --host out."
    )
    zh = "工作室无法监听 {host}（{reason}）。请使用本机的地址，或不写 --host。"


class PasswordNeeded(StudioError):
    en = (
        "With --host {host} other computers can reach the studio, so it needs a password: "
        "add --auth USER:PASSWORD, or leave --host out."
    )
    zh = (
        "使用 --host {host} 后其他电脑也能访问工作室，因此需要密码：请加上 --auth 用户名:密码，或不写 "
        "--host。"
    )


class AuthUnusable(StudioError):
    en = "--auth needs a user name and a password with a colon between them: --auth USER:PASSWORD."
    zh = "--auth 需要用冒号隔开的用户名和密码：--auth 用户名:密码。"


class AlreadyRunning(StudioError):
    en = "A studio is already running on this data folder: {url}"
    zh = "这个数据文件夹上已有工作室在运行：{url}"


class NextPort(Notice):
    en = "Port {taken} is taken by another program, so the studio uses {port}."
    zh = "端口 {taken} 已被其他程序占用，工作室改用 {port}。"


class Listening(Notice):
    en = "Chat Studio is running: {url}  (stop it with Ctrl-C)"
    zh = "Chat Studio 已启动：{url}（按 Ctrl-C 停止）"


class Shared(Notice):
    en = "Public link: {url}  user: {user}  password: {password}"
    zh = "公开链接：{url}  用户名：{user}  密码：{password}"


class Ending(Notice):
    en = "Stopping. Press Ctrl-C again to stop at once."
    zh = "正在停止。再按一次 Ctrl-C 可立即停止。"
