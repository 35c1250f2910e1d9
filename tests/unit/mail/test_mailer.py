"""What sends e-mail is chosen by the settings, and keeps the password to itself."""

from pathlib import Path

from tallystick import wiring
from tallystick.config import Settings
from tallystick.gateways.email import FileMailer, SmtpMailer


def test_without_a_server_mail_is_written_to_the_data_folder(tmp_path: Path) -> None:
    assert isinstance(wiring.mailer(Settings(data=tmp_path)), FileMailer)


def test_with_one_it_goes_there() -> None:
    made = wiring.mailer(Settings(smtp_url="smtp://user:planted@mail.example.com:2525"))
    assert isinstance(made, SmtpMailer)
    assert "planted" not in repr(vars(made))
