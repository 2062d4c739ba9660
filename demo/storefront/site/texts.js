// The shop's words and goods. All of it is made up.
"use strict";

const texts = {
  zh: {
    skip: "跳到商品",
    notice: "演示商店：商品、价格和人物均为虚构，不能下单",
    brand: "云杉电器",
    pageTitle: "云杉电器 · 演示商店",
    nav: "主导航",
    navProducts: "全部商品",
    navService: "服务",
    headline: "安静、省电，用得久的家电",
    intro: "送货到楼上，约好时间上门安装。有问题随时问，白天黑夜都有回答。",
    ask: "问问客服",
    askAbout: "问这款",
    question: "想问一下「{name}」：",
    products: "全部商品",
    filter: "按类别筛选",
    all: "全部",
    service: "买之后，我们这样做",
    footer: "云杉电器是 Frontdesk 附带的演示公司。右下角的对话由 Frontdesk 回答。",
  },
  en: {
    skip: "Skip to products",
    notice: "Demo shop: goods, prices and people are made up. Nothing can be bought.",
    brand: "Spruce Appliances",
    pageTitle: "Spruce Appliances · demo shop",
    nav: "Main",
    navProducts: "Products",
    navService: "Service",
    headline: "Quiet, frugal appliances that last",
    intro: "Carried up the stairs and installed when it suits you. Ask anything, day or night.",
    ask: "Ask us",
    askAbout: "Ask about this",
    question: "About the {name}: ",
    products: "All products",
    filter: "Filter by category",
    all: "All",
    service: "After you buy",
    footer: "Spruce Appliances is the demo company that comes with Frontdesk. The chat in the corner is answered by Frontdesk.",
  },
};

const categories = {
  kitchen: { zh: "厨房", en: "Kitchen" },
  laundry: { zh: "洗护", en: "Laundry" },
  air: { zh: "空气", en: "Air" },
  living: { zh: "客厅与清洁", en: "Living" },
};

const products = [
  { draw: "fridge", category: "kitchen", price: 4299, zh: ["十字门冰箱 480 升", "一级能效，分区控温"], en: ["Four-door fridge 480 L", "Top energy class, four zones"] },
  { draw: "washer", category: "laundry", price: 2899, zh: ["滚筒洗衣机 10 公斤", "静音电机，15 分钟快洗"], en: ["Front-loading washer 10 kg", "Quiet motor, 15-minute wash"] },
  { draw: "air", category: "air", price: 3199, zh: ["变频空调 1.5 匹", "睡眠模式 18 分贝"], en: ["Inverter air conditioner", "18 dB in sleep mode"] },
  { draw: "tv", category: "living", price: 3699, zh: ["4K 电视 65 英寸", "120 Hz，护眼认证"], en: ["4K television 65\"", "120 Hz, easy on the eyes"] },
  { draw: "cooker", category: "kitchen", price: 599, zh: ["电饭煲 4 升", "柴火饭，24 小时预约"], en: ["Rice cooker 4 L", "24-hour timer"] },
  { draw: "vacuum", category: "living", price: 2399, zh: ["扫拖机器人", "自动回洗，爬坡两厘米"], en: ["Robot vacuum and mop", "Washes its own mop"] },
  { draw: "dish", category: "kitchen", price: 3399, zh: ["洗碗机 14 套", "热风烘干，一次 0.8 度电"], en: ["Dishwasher, 14 place settings", "Hot-air drying, 0.8 kWh a run"] },
  { draw: "purifier", category: "air", price: 1299, zh: ["空气净化器", "适用 48 平方米"], en: ["Air purifier", "For rooms up to 48 m²"] },
  { draw: "microwave", category: "kitchen", price: 799, zh: ["微波炉 23 升", "平板易擦，一键解冻"], en: ["Microwave 23 L", "Flat bed, one-touch defrost"] },
  { draw: "heater", category: "laundry", price: 1599, zh: ["电热水器 60 升", "防电墙，恒温出水"], en: ["Water heater 60 L", "Steady temperature"] },
  { draw: "kettle", category: "kitchen", price: 199, zh: ["电水壶 1.7 升", "四档保温"], en: ["Kettle 1.7 L", "Four keep-warm steps"] },
  { draw: "fan", category: "air", price: 299, zh: ["直流落地扇", "最低档 1.8 瓦"], en: ["DC floor fan", "1.8 W at its lowest"] },
];

const promises = [
  { zh: ["送货到楼上", "下单后 48 小时内发货，大件送装一体。"], en: ["Carried upstairs", "Sent within 48 hours; large items come with their fitter."] },
  { zh: ["七天无理由退货", "不合适就退，上门取件。"], en: ["Seven days to return", "If it does not fit, we pick it up."] },
  { zh: ["整机保修", "坏了先问客服，能在线解决的不用等师傅。"], en: ["Whole-machine warranty", "Ask first: much is solved without a visit."] },
  { zh: ["随时有回答", "机器人先答，想找人点一下“人工”。"], en: ["Answers at any hour", "A bot answers first; a person is one tap away."] },
];
