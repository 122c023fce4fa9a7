"""Registered domains that many people know: charities, clouds, shops, forums, tools, news, travel, schooling.

Data only, from memory of what each is; `patterns.entities.established` asks the questions. It need not be
complete: a plain old-looking name that is not here is held too. A site that is good beyond doubt stands in
`trusted` instead.
"""

POPULAR: frozenset[str] = frozenset(
    # charity, health
    """
    shuidichou.com shuidi.com qingsongchou.com gongyi.qq.com tencentgongyi.com lovegongyi.com crcf.org.cn
    redcross.org.cn cydf.org.cn haodf.com dxy.cn dxy.com guahao.com 91160.com jkzl.com chunyuyisheng.com
    weiyi.com zuoyebang.com yuanfudao.com xueersi.com
    """.split()
    # clouds, storage, code, forms, short links of firms
    + """
    aliyun.com aliyuncs.com alicdn.com myqcloud.com qcloud.com tencent.com qq.com weixin.com wechat.com
    huaweicloud.com huawei.com volcengine.com bytedance.com feishu.cn larksuite.com dingtalk.com baidu.com
    bcebos.com ksyun.com ucloud.cn qiniu.com qiniucdn.com upyun.com jdcloud.com wps.cn kdocs.cn wjx.cn wjx.com
    jinshuju.net mikecrm.com shimo.im yuque.com notion.so github.com github.io gitee.com gitlab.com
    coding.net csdn.net cnblogs.com jianshu.com segmentfault.com stackoverflow.com microsoft.com live.com
    office.com outlook.com apple.com icloud.com google.com googleapis.com youtube.com amazon.com amazonaws.com
    cloudflare.com pages.dev workers.dev vercel.app netlify.app herokuapp.com azurewebsites.net t.me
    telegram.org whatsapp.com facebook.com instagram.com twitter.com x.com linkedin.com zoom.us zoom.com
    teams.com skype.com dropbox.com wikipedia.org pan.baidu.com 123pan.com lanzou.com ctfile.com weiyun.com
    url.cn t.cn dwz.cn suo.im tb.cn bit.ly tinyurl.com goo.gl
    """.split()
    # social, video, news, search
    + """
    weibo.com weibo.cn sina.com.cn sina.cn sohu.com 163.com 126.com 139.com 189.cn netease.com ifeng.com
    toutiao.com douyin.com iesdouyin.com kuaishou.com bilibili.com b23.tv xiaohongshu.com xhslink.com
    zhihu.com douban.com tieba.com hupu.com momoyu.cc iqiyi.com youku.com mgtv.com le.com acfun.cn huya.com
    douyu.com yy.com ximalaya.com kugou.com kuwo.cn so.com sogou.com 360.cn 360.com thepaper.cn caixin.com
    yicai.com eastmoney.com hexun.com xueqiu.com 10jqka.com.cn cls.cn jrj.com.cn people.com.cn
    xinhuanet.com news.cn cctv.com cntv.cn chinanews.com huanqiu.com gmw.cn youth.cn
    """.split()
    # shops, travel, living, work, housing, games
    + """
    taobao.com tmall.com 1688.com alibaba.com alipay.com jd.com jd.hk pinduoduo.com yangkeduo.com vip.com
    suning.com gome.com.cn dangdang.com kaola.com dewu.com poizon.com goofish.com zhuanzhuan.com smzdm.com
    meituan.com dianping.com ele.me ctrip.com trip.com qunar.com ly.com fliggy.com tuniu.com mafengwo.cn
    12306.cn didiglobal.com didichuxing.com amap.com autonavi.com 58.com ganji.com anjuke.com lianjia.com
    ke.com ziroom.com zhipin.com 51job.com zhaopin.com liepin.com lagou.com boss.com autohome.com.cn
    dongchedi.com xcar.com.cn maoyan.com damai.cn keep.com xiaomi.com mi.com oppo.com vivo.com honor.com
    lenovo.com mihoyo.com 4399.com 7k7k.com steampowered.com steamcommunity.com epicgames.com ea.com
    jiaoyimao.com 5173.com pxb7.com cainiao.com sf-express.com zto.com yto.net.cn sto.cn yundaex.com
    jtexpress.cn ems.com.cn 17track.net kuaidi100.com
    """.split()
    # money, schooling, exams, certificates
    + """
    unionpay.com 95516.com lufax.com jdt.com jimu.com webank.com mybank.cn wacai.com ant.group antgroup.com
    chsi.com.cn chsi.cn neea.edu.cn icourse163.org xuetangx.com open.com.cn xuexi.cn smartedu.cn qichacha.com
    qcc.com tianyancha.com aiqicha.com
    """.split()
)
