"""An alert before the public, for the tests of CAP documents: approved, updated, recalled."""

from datetime import UTC, datetime, timedelta

from console.public.cap import About, Issuer, Released
from fenghuo.domain.alert import AlertId, Audience
from fenghuo.domain.events import Release

AT = datetime(2026, 11, 25, 15, 20, 30, 250_000, tzinfo=UTC)
ID = "5a0c11d2e3f405162738495a"
TEXT = (
    "【反诈预警】谨防“冒充快递”骗局\n我区已有 3 人举报。骗子的网址如 hxxp://kd-lipei[.]example，不要打开。\n"
    "提醒：不点链接，不转账。已付款的，马上拨打 110；拿不准的，拨打 96110。\n示范区反诈中心 11月25日 23:20"
)
CORRECTION = "【更正】此前关于“冒充快递”的预警经核实有误，现予撤回。\n示范区反诈中心"
ISSUER = Issuer("fenghuo.example.com", "", "示范区", "110000", "https://warn.example.com/")
ABOUT = About(ISSUER, "EXPRESS", 3)


def release(**more: object) -> Release:
    values = {
        "alert_id": AlertId(ID),
        "version": 1,
        "title": "冒充快递：丢件理赔",
        "text": TEXT,
        "correction": CORRECTION,
        "audience": Audience(district="示范区", towns=("城关镇", "西山镇")),
        "channels": ("sandbox",),
        "severity": "severe",
        "expires_at": AT + timedelta(hours=24),
        "approved_at": AT,
    }
    return Release(**(values | more))


def whole_life(**more: object) -> list[Released]:
    first, second = release(**more), release(version=2, title="冒充快递：三倍理赔", **more)
    return [
        Released("approved", first, AT),
        Released("updated", second, AT + timedelta(hours=2)),
        Released("recalled", second, AT + timedelta(hours=3)),
    ]
