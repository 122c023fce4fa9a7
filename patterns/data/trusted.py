"""Numbers and domains that are what they say: of the state, banks, payment, post, operators, power, shops.

Data only; `patterns/entities/identifiers.py` asks the questions. A 95xxx number that is not here is not
known good: callers spoof that shape. When a bank or carrier changes its number or site, this is the only
place to change.
Sources: from memory of each firm's published number; couriers, airlines and insurers were held against public
yellow pages (github.com/metowolf/vCards and others). Left out on purpose: city numbers (96xxx), which differ
by place, and owners of short links, who let anyone choose where they lead.
"""


def _read(table: str) -> dict[str, str]:
    """Pairs of "number-or-domain name", in any layout."""
    words = table.split()
    return dict(zip(words[::2], words[1::2], strict=True))


HOTLINES: dict[str, str] = {
    # emergencies
    **_read("""
        110 报警电话 112 固话障碍申告 114 查号台 119 火警电话 120 急救电话 122 交通事故报警 12110 短信报警
        12119 消防举报 12122 高速公路救援 12395 海上搜救"""),
    # fraud: dissuasion line, warning messages of MIIT, spam reports
    **_read("96110 反诈预警劝阻专线 12381 涉诈预警劝阻短信 12321 垃圾信息举报 12377 违法和不良信息举报"),
    # police, courts, discipline, state security
    **_read("""
        12123 交管服务 12309 检察服务 12337 政法举报平台 12339 国家安全举报 12348 法律援助 12367 移民管理
        12368 法院诉讼服务 12380 组织部举报 12388 纪检监察举报 12389 公安机关违法违纪举报
        12390 扫黄打非举报"""),
    # daily affairs: city hall, social security, taxes, health, housing fund, schools, consumers
    **_read("""
        12301 旅游服务 12305 邮政业申诉 12308 领事保护 12310 机构编制举报 12313 烟草专卖 12315 消费者投诉
        12316 三农服务 12317 乡村振兴 12318 文化市场举报 12319 城建服务 12320 公共卫生 12329 住房公积金
        12331 食品药品举报 12333 人力资源社会保障 12336 自然资源举报 12338 妇女维权 12340 统计调查
        12341 政务服务热线 12345 政务服务便民热线 12350 安全生产举报 12351 工会服务 12355 青少年服务
        12356 心理援助 12358 价格举报 12360 海关 12365 质量举报 12366 税务服务 12369 生态环境举报
        12385 残疾人服务 12393 医疗保障 12396 科技服务"""),
    # money: central bank, bank and insurance supervision, securities supervision
    **_read("12363 人民银行金融消费者投诉 12378 银行保险投诉 12386 证监会服务"),
    # travel: railway, transport, civil aviation
    **_read("12306 铁路客服 12326 民航服务监督 12328 交通运输服务 12121 天气预报"),
    # telephone operators and post
    **_read("""
        10000 中国电信 10001 中国电信 10010 中国联通 10015 中国联通投诉 10050 中国铁通 10080 中国移动投诉
        10086 中国移动 10099 中国广电 12300 电信用户申诉 11183 中国邮政EMS 11185 中国邮政"""),
}
"""Public short numbers to names: never an indicator."""

SERVICES: dict[str, str] = {
    # banks
    **_read("""
        95588 中国工商银行 95599 中国农业银行 95566 中国银行 95533 中国建设银行 95559 交通银行
        95580 中国邮政储蓄银行 95555 招商银行 95558 中信银行 95595 中国光大银行 95568 中国民生银行
        95561 兴业银行 95528 浦发银行 95508 广发银行 95511 中国平安 95501 平安银行 95577 华夏银行
        95527 浙商银行 95541 渤海银行 95395 恒丰银行 95593 国家开发银行 95526 北京银行 95594 上海银行
        95302 南京银行 95574 宁波银行 95398 杭州银行 95319 江苏银行 95384 微众银行"""),
    # insurers
    **_read("""
        95518 中国人保 95519 中国人寿 95500 中国太保 95522 泰康保险 95567 新华保险 95589 中国太平
        95585 中华财险 95590 大地保险 95510 阳光保险 95505 天安财险 95509 华泰保险 95556 华安保险
        95502 永安保险 95552 永诚保险 95592 长安责任保险 95569 大家保险 95550 安盛天平"""),
    # securities
    **_read("""
        95548 中信证券 95521 国泰君安证券 95553 海通证券 95536 国信证券 95551 银河证券 95575 广发证券
        95565 招商证券 95597 华泰证券 95587 中信建投证券 95579 长江证券 95538 中泰证券 95523 申万宏源证券
        95525 光大证券 95562 兴业证券 95571 方正证券 95578 国元证券 95584 华西证券 95582 西部证券
        95503 东方证券 95532 中金财富证券 95357 东方财富证券 95310 国金证券 95345 浙商证券 95360 东北证券
        95358 第一创业证券 95386 南京证券 95351 湘财证券 95330 东吴证券"""),
    # payment
    **_read("95516 中国银联 95188 支付宝 95017 腾讯客服 95118 京东客服"),
    # couriers
    **_read("""
        95338 顺丰速运 95311 中通快递 95554 圆通速递 95543 申通快递 95546 韵达快递 95320 百世快递
        95353 德邦快递 950616 京东物流 956025 极兔速递 95572 中铁快运"""),
    # airlines, railway freight, travel, road tolls, taxis
    **_read("""
        95539 中国南方航空 95583 中国国际航空 95530 中国东方航空 95339 海南航空 95557 厦门航空
        95361 深圳航空 95369 山东航空 95378 四川航空 95524 春秋航空 95520 吉祥航空 95306 铁路货运
        95010 携程旅行 95022 ETC客服 95128 出租汽车约车"""),
    # power, gas, shops
    **_read("95598 供电服务 95777 港华燃气 950618 京东客服 95187 阿里云"),
}
"""Real 95xxx numbers to the names of their owners."""

NUMBERS: dict[str, str] = {**HOTLINES, **SERVICES}

SUFFIXES: dict[str, str] = {"gov.cn": "政府网站"}
"""Public suffixes that only the named can register under."""

DOMAINS: dict[str, str] = {
    # the state and its services under other suffixes
    **_read("""
        12306.cn 中国铁路12306 chsi.com.cn 学信网 96110.cn 反诈专线 12377.cn 违法和不良信息举报中心
        12321.cn 垃圾信息举报中心 12348.cn 法律服务网 12371.cn 共产党员网 pbccrc.org.cn 人民银行征信中心
        chinaclear.cn 中国结算 neea.edu.cn 教育部考试院 people.com.cn 人民网 xinhuanet.com 新华网
        news.cn 新华网 cctv.com 央视网"""),
    # banks
    **_read("""
        icbc.com.cn 中国工商银行 abchina.com 中国农业银行 abchina.com.cn 中国农业银行 boc.cn 中国银行
        bankofchina.com 中国银行 ccb.com 中国建设银行 bankcomm.com 交通银行 95559.com.cn 交通银行
        psbc.com 中国邮政储蓄银行 cmbchina.com 招商银行 citicbank.com 中信银行 ecitic.com 中信银行
        cebbank.com 中国光大银行 cmbc.com.cn 中国民生银行 cib.com.cn 兴业银行 spdb.com.cn 浦发银行
        cgbchina.com.cn 广发银行 pingan.com 中国平安 hxb.com.cn 华夏银行 czbank.com 浙商银行
        cbhb.com.cn 渤海银行 hfbank.com.cn 恒丰银行 bankofbeijing.com.cn 北京银行 bosc.cn 上海银行
        njcb.com.cn 南京银行 nbcb.com.cn 宁波银行 hzbank.com.cn 杭州银行 jsbchina.cn 江苏银行
        webank.com 微众银行 mybank.cn 网商银行 cdb.com.cn 国家开发银行"""),
    # payment
    **_read("unionpay.com 中国银联 95516.com 中国银联 alipay.com 支付宝 tenpay.com 财付通"),
    # insurers
    **_read("""
        picc.com 中国人保 e-chinalife.com 中国人寿 cpic.com.cn 中国太保 taikang.com 泰康保险
        newchinalife.com 新华保险 cntaiping.com 中国太平"""),
    # post and couriers
    **_read("""
        ems.com.cn 中国邮政EMS 11183.com.cn 中国邮政EMS 11185.cn 中国邮政 chinapost.com.cn 中国邮政
        sf-express.com 顺丰速运 zto.com 中通快递 yto.net.cn 圆通速递 sto.cn 申通快递 yundaex.com 韵达快递
        deppon.com 德邦快递 kuaidi100.com 快递100 fcbox.com 丰巢 ky-express.com 跨越速运 ishansong.com 闪送
        imdada.cn 达达 uupt.com UU跑腿 jdl.com 京东物流 jtexpress.cn 极兔速递 cainiao.com 菜鸟"""),
    # telephone operators, power
    **_read("""
        10086.cn 中国移动 chinamobile.com 中国移动 10010.com 中国联通 chinaunicom.com 中国联通
        189.cn 中国电信 chinatelecom.com.cn 中国电信 10099.com.cn 中国广电 95598.cn 国家电网
        sgcc.com.cn 国家电网 csg.cn 南方电网"""),
    # charities and crowdfunding
    **_read("""
        redcross.org.cn 中国红十字会 crcf.org.cn 中国红十字基金会 cydf.org.cn 中国青少年发展基金会
        cctf.org.cn 中国儿童少年基金会 cfpa.org.cn 中国乡村发展基金会 onefoundation.cn 壹基金
        shuidichou.com 水滴筹 qschou.com 轻松筹"""),
    # help of clouds and makers of telephones; invoices
    **_read("""
        aliyun.com 阿里云 huaweicloud.com 华为云 tencent.com 腾讯 huawei.com 华为 apple.com 苹果
        nuonuo.com 诺诺发票 jss.com.cn 诺诺发票 baiwang.com 百望发票 fapiao.com 瑞宏发票"""),
    # airlines and travel
    **_read("""
        airchina.com 中国国际航空 airchina.com.cn 中国国际航空 csair.com 中国南方航空
        ceair.com 中国东方航空 hnair.com 海南航空 sichuanair.com 四川航空 xiamenair.com 厦门航空
        shenzhenair.com 深圳航空 sda.cn 山东航空 juneyaoair.com 吉祥航空 ch.com 春秋航空
        ctrip.com 携程旅行 qunar.com 去哪儿 fliggy.com 飞猪"""),
    # shops, delivery and the big networks
    **_read("""
        taobao.com 淘宝 tmall.com 天猫 jd.com 京东 pinduoduo.com 拼多多 yangkeduo.com 拼多多
        meituan.com 美团 ele.me 饿了么 vip.com 唯品会 suning.com 苏宁易购 douyin.com 抖音
        freshhema.com 盒马 huolala.cn 货拉拉 amap.com 高德地图
        kuaishou.com 快手 xiaohongshu.com 小红书 qq.com 腾讯 weixin.com 微信 wechat.com 微信"""),
}
"""Registered domains to the names of their owners: what scams imitate and name."""

OPEN_TO_ANYONE = """
    docs.qq.com wj.qq.com doc.weixin.qq.com support.qq.com txc.qq.com wx.mail.qq.com/ftn cloud.189.cn
    qm.qq.com jq.qq.com qun.qq.com pd.qq.com qzone.qq.com c.pc.qq.com
    u.wechat.com mp.weixin.qq.com channels.weixin.qq.com open.weixin.qq.com/connect
    weixin.qq.com/g weixin.qq.com/r weixin.qq.com/sph
    work.weixin.qq.com/ca work.weixin.qq.com/gm work.weixin.qq.com/kfid work.weixin.qq.com/u
    qr.alipay.com ur.alipay.com ds.alipay.com qr.95516.com wx.tenpay.com
    shop*.taobao.com shop*.m.taobao.com store.taobao.com item.taobao.com s.taobao.com s.click.taobao.com
    uland.taobao.com market.m.taobao.com/app/idlefish-f2e
    u.jd.com union-click.jd.com p.pinduoduo.com mobile.yangkeduo.com
    v.douyin.com z.douyin.com live.douyin.com douyin.com/video douyin.com/note douyin.com/user
    v.kuaishou.com live.kuaishou.com kuaishou.com/f kuaishou.com/short-video kuaishou.com/profile
    shuidichou.com/cf shuidichou.com/hope qschou.com/project m2.qschou.com mp.qschou.com
    developer.aliyun.com market.aliyun.com bbs.aliyun.com survey.aliyun.com bbs.huaweicloud.com
    marketplace.huaweicloud.com cloud.tencent.com/developer market.cloud.tencent.com club.huawei.com
    consumer.huawei.com/community apps.apple.com testflight.apple.com discussions.apple.com
    discussionschinese.apple.com surl.amap.com wb.amap.com
    xiaohongshu.com/explore xiaohongshu.com/discovery xiaohongshu.com/user
""".split()
"""Places under a good domain where strangers publish, take payments or redirect: never known good.

One rule: an entry is a host, or a host and the begin of a path in whole steps; it covers the hosts under that
one and the paths under that begin. "*" is the rest of a label.
"""

PROGRAMS = """
    国家反诈中心 交管12123 个人所得税 国家医保服务平台 国家政务服务平台 国务院客户端 掌上12333 电子社保卡
    铁路12306 移民局12367 公安一网通办 登记注册身份验证 自然人电子税务局 电子营业执照 企业登记网上注册
    全国12315平台 中国执行信息公开网 云闪付 数字人民币 学信网 中国移动app 中国联通app 中国电信app 网上国网
    微信支付 支付宝app 手机银行app 掌上银行
""".split()
"""Names of official programs, normalised: who is sent there is not led away. Not that of a shop or a meeting,
where strangers meet."""
