"""Expressions of several languages that lead to a credit or to a nickname."""

from __future__ import annotations

KNOWN_AS = r"(?:known|known only|also known|better known|famous|billed|credited|introduced)\s+as|nicknamed|aka|a\.k\.a\.|alias|stage name|whose name is|by the name of|goes by|apodad[oa]|conocid[oa] como|alias|genannt|namens|bekannt als|dite?|surnommée?|connue?\s+sous\s+le\s+nom\s+de|dett[oa]|conosciut[oa] come|znan[ya] jako|zwan[ya]|conhecid[oa] como|kallad|kendt som|kalt|bilinen|lakaplı|takma adlı|по прозвищу|по кличке|известн\w+ как|по имени|на прізвисько|відом\w+ як|με το παρατσούκλι|γνωστ\w+ ως|με το όνομα"
CREDIT = r"(?:photo(?:graph(?:y|ed)?|s)?|picture|image|pic|shot|still|portrait|credit|video|art(?:work)?|illustration|painting|drawing|design|styling|make-?up|foto(?:grafie|grafía|grafia|graf)?|bild|bilder|copyright|cr[ée]dit(?:o|os)?|fotó|fotoğraf|kuva|zdjęcie|zdj|fot|snímek|valokuva|ảnh|photographe|ภาพโดย|ถ่ายภาพโดย|ถ่ายโดย|เครดิต|ภาพ|撮影|写真|摄影|攝影|图片来源|圖片來源|供图|사진|촬영|تصوير|عدسة|عکس از|عکاس|צילום|קרדיט|छायाकार|फ़ोटो|फोटो|साभार|фото|снимок|автор|фотограф|φωτογραφία|φωτο|φώτο|courtesy|source|quelle|fuente|fonte|źródło|kaynak|nguồn|via|repost(?:ed)?|regram|rg|ph)"
